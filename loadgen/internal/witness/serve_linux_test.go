package witness

import (
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheKernelStampsEveryRequest(t *testing.T) {
	s, err := Listen(Options{Answers: true})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve() }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var before, after []int64
	for range 20 {
		before = append(before, time.Now().UnixNano())
		resp, err := client.Get("http://" + s.Address() + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || len(body) != 200 || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v, %d bytes, status %d", err, len(body), resp.StatusCode)
		}
		after = append(after, time.Now().UnixNano())
	}
	s.Stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	stamps, unstamped := s.Stamps()
	if len(stamps) != 20 || unstamped != 0 {
		t.Fatalf("%d stamps, %d without", len(stamps), unstamped)
	}
	if len(s.Answered()) != 20 {
		t.Fatalf("%d times of answers", len(s.Answered()))
	}
	for i, at := range stamps {
		if s.Answered()[i] < at {
			t.Errorf("request %d: answered before it came", i)
		}
		if at < before[i] || at > after[i] {
			t.Errorf("request %d: stamp %d is not in [%d, %d]", i, at, before[i], after[i])
		}
	}
}
