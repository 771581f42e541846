package emulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// queued gives the documents of the events in a data folder by their file.
func queued(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, file := range files {
		var doc map[string]any
		if b, err := os.ReadFile(file); err == nil { // it may have ended
			if err := json.Unmarshal(b, &doc); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all[file] = doc
		}
	}
	return all
}

// age makes the events of a data folder older by d, as if nothing had served it
// for so long.
func age(t *testing.T, dir string, d time.Duration) {
	t.Helper()
	for file, doc := range queued(t, dir) {
		for _, member := range []string{"accepted", "due"} {
			if text, ok := doc[member].(string); ok {
				at, err := time.Parse(time.RFC3339Nano, text)
				if err != nil {
					t.Fatal(err)
				}
				doc[member] = at.Add(-d)
			}
		}
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// idle waits until no event is left, in the queue or on the disk.
func (b *bed) idle(dir string) {
	b.t.Helper()
	eventually(b.t, "the end of all events", func() bool { return len(queued(b.t, dir)) == 0 })
}

// TestEventsSurviveARestart: what waits for its retry has it then, and no more than
// it had left; what ran runs again; the destination is told in the end.
func TestEventsSurviveARestart(t *testing.T) {
	var calls atomic.Int64
	hold := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
	}))
	defer gate.Close()
	defer close(hold)
	o := emulator.Options{DataDir: t.TempDir(), Placement: "lru"}
	b := newBed(t, o)
	b.install(emulator.LocalFunction{})
	b.onFailure(nil)
	must[*lambda.UpdateFunctionEventInvokeConfigOutput](t)(b.lambda.UpdateFunctionEventInvokeConfig(context.Background(), &lambda.UpdateFunctionEventInvokeConfigInput{
		FunctionName: aws.String("fn"), MaximumRetryAttempts: aws.Int32(1),
	}))
	for _, o := range []order{{Do: "error"}, {Do: "get", Text: gate.URL}} {
		if err := b.send(o); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "one event that failed and one that runs", func() bool {
		failed := 0
		for _, doc := range queued(t, o.DataDir) {
			if doc["errors"] == 1. {
				failed++
			}
		}
		return failed == 1 && calls.Load() == 1
	})
	if n := len(queued(t, o.DataDir)); n != 2 {
		t.Fatalf("%d events on the disk", n)
	}
	if err := b.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	age(t, o.DataDir, time.Hour)

	b = newBed(t, o)
	for _, name := range []string{"fn", "bad"} {
		b.install(emulator.LocalFunction{Name: name})
	}
	if len(queued(t, o.DataDir)) != 2 {
		t.Fatal("events have gone before Resume")
	}
	b.server.Resume()
	b.idle(o.DataDir)
	if n := calls.Load(); n != 2 {
		t.Errorf("the event that ran was run %d times", n)
	}
	told := must[*lambda.InvokeOutput](t)(b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("bad"), Payload: []byte(`{"Do":"first-event"}`)}))
	mustMatch(t, `.*"condition":"RetriesExhausted","approximateInvokeCount":2},"requestPayload":{.*"responsePayload":{"errorMessage":"","errorType":"CustomError"}}`, string(told.Payload))
}

// TestEventGrowsOldInAStop: an event counts the time in which nothing served it.
func TestEventGrowsOldInAStop(t *testing.T) {
	o := emulator.Options{DataDir: t.TempDir(), Placement: "lru"}
	b := newBed(t, o)
	b.install(emulator.LocalFunction{})
	b.onFailure(nil)
	if err := b.send(order{Do: "error"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a failure", func() bool {
		for _, doc := range queued(t, o.DataDir) {
			return doc["errors"] == 1.
		}
		return false
	})
	if err := b.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	age(t, o.DataDir, 7*time.Hour)
	b = newBed(t, o)
	for _, name := range []string{"fn", "bad"} {
		b.install(emulator.LocalFunction{Name: name})
	}
	b.server.Resume()
	b.idle(o.DataDir)
	told := must[*lambda.InvokeOutput](t)(b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("bad"), Payload: []byte(`{"Do":"first-event"}`)}))
	mustMatch(t, `.*"condition":"EventAgeExceeded","approximateInvokeCount":1},"requestPayload":{.*"functionError":"Unhandled"},"responsePayload":{"errorMessage":"","errorType":"CustomError"}}`, string(told.Payload))
}

// TestDamagedEventIsNamed: it stops the start, as any document that can't be
// trusted does.
func TestDamagedEventIsNamed(t *testing.T) {
	o := emulator.Options{DataDir: t.TempDir(), WorkDir: t.TempDir()}
	b := newBed(t, o)
	b.install(emulator.LocalFunction{})
	b.reserve(1)
	if err := b.send(order{Do: "error", Text: "precious"}); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for file, doc := range queued(t, o.DataDir) {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		payload := doc["payload"].(string)
		for what, text := range map[string]string{
			"truncated": string(whole[:len(whole)/2]),
			"a byte":    strings.Replace(string(whole), payload, "A"+payload[1:], 1),
			"foreign":   `{"schema":"coldbench.lambda/v9"}`,
		} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := emulator.New(o); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("%s: %v", what, err)
				if err == nil {
					_ = s.Close(context.Background())
				}
			}
		}
		return
	}
	t.Error("no event was kept")
}
