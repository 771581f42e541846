//go:build unix

package loadgen_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/url"
)

// With 64 files for both sides of every connection, a burst of 200 keeps to
// what they allow, and each arrival is a row that says so.
func TestFileLimit(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Skip("this system has no limit of open files to lower:", err)
	}
	low := old
	low.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip("the limit of open files cannot be lowered here:", err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	}()
	// Nobody is answered before all 200 have been sent or refused.
	release := make(chan struct{})
	var settled atomic.Int64
	settle := func() {
		if settled.Add(1) == 200 {
			close(release)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		settle()
		<-release
	}))
	defer server.Close()
	target, err := url.New(url.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	m := &memory{seen: func(r *record.Invocation) {
		if r.Outcome == record.NotSent {
			settle()
		}
	}}
	s, err := loadgen.Run(t.Context(), loadgen.Config{
		Schedule: loadgen.Together(loadgen.Every(time.Second, 0, time.Second), 200),
		Target:   target, Recorder: m,
		FilesPerRequest: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[record.Outcome]int{}
	for _, r := range m.rows {
		counts[r.Outcome]++
		if r.Outcome == record.NotSent && r.ErrorType != record.ErrFileLimit {
			t.Errorf("row %+v", r)
		}
	}
	if len(m.rows) != 200 || s.InFlightLimit > 20 || int64(counts[record.OK]) != s.InFlightLimit || counts[record.OK]+counts[record.NotSent] != 200 {
		t.Errorf("%v of %d in flight, %+v", counts, s.InFlightLimit, s)
	}
}

// Files that run out in the middle are rows too.
func TestFilesRunOut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	target, err := url.New(url.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Skip("this system has no limit of open files to lower:", err)
	}
	none := old
	none.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Skip("the limit of open files cannot be lowered here:", err)
	}
	r := target.Invoke(t.Context(), loadgen.Request{})
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if r.Outcome != record.NotSent || r.ErrorType != record.ErrFileLimit || !r.Sent.IsZero() {
		t.Errorf("%+v", r)
	}
}
