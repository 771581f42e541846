package telemetry_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/emulator/telemetry"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseSubscription(t *testing.T) {
	const to = `"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/logs?a=b"}`
	for _, c := range []struct {
		name  string
		api   telemetry.API
		body  string
		fault string // "" = it is acceptable
	}{
		{"least", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `}`, ""},
		{"newest schema, all", telemetry.Telemetry, `{"schemaVersion":"2025-01-29","types":["platform","function","extension"],"buffering":{"maxItems":1000,"maxBytes":1048576,"timeoutMs":25},` + to + `}`, ""},
		{"short host", telemetry.Telemetry, `{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox:80"}}`, ""},
		{"TCP", telemetry.Telemetry, `{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"TCP","port":8080}}`, ""},
		{"TCP, by URI", telemetry.Telemetry, `{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"TCP","URI":"tcp://sandbox.localdomain:8080"}}`, ""},
		{"TCP, by address", telemetry.Telemetry, `{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"TCP","URI":"sandbox.localdomain:8080"}}`, ""},
		{"TCP, another host", telemetry.Telemetry, `{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"TCP","URI":"http://169.254.169.254:8080"}}`, "URI host should be sandbox.localdomain"},
		{"Logs API has a default schema", telemetry.Logs, `{"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox:80","method":"PUT","encoding":"JSON"}}`, ""},
		{"of the documentation", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":[],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain"}}`, "types should not be empty; URI port is not provided"},
		{"nothing", telemetry.Telemetry, `{}`, "schemaVersion is not provided; types should not be empty; destination is not provided"},
		{"schema of the other API", telemetry.Logs, `{"schemaVersion":"2022-07-01","types":["platform"],` + to + `}`, "schemaVersion should be one of [2020-08-15, 2021-03-18]"},
		{"types", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform","all"],` + to + `}`, "types should be of [platform, function, extension]"},
		{"ranges", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"buffering":{"maxItems":999,"maxBytes":1048577,"timeoutMs":24},` + to + `}`, "maxItems should be between 1000 and 10000; maxBytes should be between 262144 and 1048576; timeoutMs should be between 25 and 30000"},
		{"another host", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"HTTP","URI":"https://169.254.169.254:80"}}`, "URI scheme should be http; URI host should be sandbox.localdomain"},
		{"Lambda's port", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"TCP","port":9001}}`, "port 9001 is reserved"},
		{"no port", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"TCP","port":65536}}`, "port should be between 1 and 65535"},
		{"protocol", telemetry.Telemetry, `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"UDP"}}`, "protocol should be one of [HTTP, TCP]"},
		{"not JSON", telemetry.Telemetry, `x`, "request body is not a subscription in JSON: invalid character 'x' looking for beginning of value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := telemetry.ParseSubscription(c.api, []byte(c.body))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.fault {
				t.Errorf("got %q, want %q", got, c.fault)
			}
			if err == nil && (s.Port() == 0 || s.Buffering.MaxItems < 1000) {
				t.Errorf("%+v", s)
			}
		})
	}
}

func FuzzParseSubscription(f *testing.F) {
	f.Add(true, []byte(`{"schemaVersion":"2025-01-29","types":["platform"],"buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/x"}}`))
	f.Add(false, []byte(`{"types":["function","function"],"destination":{"protocol":"TCP","port":1}}`))
	f.Add(false, []byte(`{"types":["extension"],"destination":{"protocol":"HTTP","URI":"http://sandbox:80\u0000","method":"PUT"}}`))
	f.Fuzz(func(t *testing.T, old bool, body []byte) {
		api := telemetry.Telemetry
		if old {
			api = telemetry.Logs
		}
		s, err := telemetry.ParseSubscription(api, body)
		var invalid *telemetry.InvalidError
		if err != nil {
			if !errors.As(err, &invalid) || len(invalid.Faults) == 0 {
				t.Fatalf("error %v", err)
			}
			return
		}
		b := s.Buffering
		if s.API != api || len(s.Types) == 0 || len(s.Types) > 3 || s.Port() < 1 || s.Port() > 65535 || s.Port() == 9001 ||
			b.MaxItems < 1000 || b.MaxItems > 10_000 || b.MaxBytes < 262_144 || b.MaxBytes > 1_048_576 || b.Timeout < 25*time.Millisecond || b.Timeout > 30*time.Second {
			t.Fatalf("accepted %+v", s)
		}
	})
}

// listener receives batches, as an extension would.
type listener struct {
	*httptest.Server
	t      *testing.T
	refuse int // requests to answer with 500 first
	gate   chan struct{}

	mu       sync.Mutex
	events   []received
	requests int
}

type received struct {
	Time, Type string
	Record     any
}

func newListener(t *testing.T) *listener {
	l := &listener{t: t}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.gate != nil {
		<-l.gate
	}
	var batch []received
	body, _ := io.ReadAll(r.Body)
	err := json.Unmarshal(body, &batch)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if l.requests <= l.refuse {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/here" || r.Host != "sandbox.localdomain:"+l.port() {
		l.t.Errorf("%s %s %s: %s", r.Method, r.Host, r.URL, body)
	}
	l.events = append(l.events, batch...)
}

func (l *listener) port() string {
	u, _ := url.Parse(l.URL)
	return u.Port()
}

func (l *listener) records() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		list = append(list, fmt.Sprint(e.Record))
	}
	return list
}

func (l *listener) subscription(schema, types string) telemetry.Subscription {
	l.t.Helper()
	s, err := telemetry.ParseSubscription(telemetry.Telemetry, []byte(`{"schemaVersion":"`+schema+`","types":[`+types+`],"buffering":{"timeoutMs":30000,"maxItems":1000},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:`+l.port()+`/here"}}`))
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

func newStream(t *testing.T, o telemetry.Options) *telemetry.Stream {
	s := telemetry.NewStream(o)
	t.Cleanup(s.Close)
	return s
}

func say(s *telemetry.Stream, kind, text string) {
	s.Publish(telemetry.Event{Time: time.Unix(1, 5e6), Type: kind, Record: text, Structured: true})
}

// within is a context for what takes milliseconds unless something is wrong.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDelivery(t *testing.T) {
	l := newListener(t)
	s := newStream(t, telemetry.Options{})
	say(s, "function", "before the subscription")
	if fresh, err := s.Subscribe("a", l.subscription("2022-12-13", `"function","platform"`)); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if fresh, err := s.Subscribe("a", l.subscription("2022-12-13", `"function"`)); fresh || err != nil {
		t.Errorf("a second subscription: %v, %v", fresh, err)
	}
	logs, err := telemetry.ParseSubscription(telemetry.Logs, []byte(`{"types":["function"],"destination":{"protocol":"TCP","port":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Subscribe("a", logs); !errors.Is(err, telemetry.ErrOtherAPI) {
		t.Error(err)
	}
	say(s, "function", `{"level":"INFO"}`)
	say(s, "extension", "not asked for")
	s.Publish(telemetry.Event{Type: "platform.end", Record: "of the Logs API", Audience: telemetry.LogsAPI})
	s.Publish(telemetry.Event{Type: "platform.start", Record: map[string]string{"requestId": "x"}})
	s.Shut()
	if _, err := s.Subscribe("late", logs); !errors.Is(err, telemetry.ErrClosed) {
		t.Error(err)
	}
	s.Flush(within(t))
	want := []string{"before the subscription", "map[level:INFO]", "map[requestId:x]"}
	if got := l.records(); !slices.Equal(got, want) || l.events[0].Time != "1970-01-01T00:00:01.005Z" {
		t.Errorf("got %q at %s", got, l.events[0].Time)
	}
}

func TestOldSchemasShowText(t *testing.T) {
	l := newListener(t)
	s := newStream(t, telemetry.Options{})
	if _, err := s.Subscribe("a", l.subscription("2022-07-01", `"function"`)); err != nil {
		t.Fatal(err)
	}
	say(s, "function", `{"level":"INFO"}`)
	s.Flush(within(t))
	if got := l.records(); !slices.Equal(got, []string{`{"level":"INFO"}`}) {
		t.Errorf("%q", got)
	}
}

// TestFullBatchGoesOut: 1,000 events are a batch, though the time is 30 s.
func TestFullBatchGoesOut(t *testing.T) {
	l := newListener(t)
	l.gate = make(chan struct{})
	s := newStream(t, telemetry.Options{})
	if _, err := s.Subscribe("a", l.subscription("2022-12-13", `"function"`)); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		say(s, "function", fmt.Sprint(i))
	}
	l.gate <- struct{}{} // somebody has asked to come in
	close(l.gate)
	s.Flush(within(t))
	if got := l.records(); len(got) != 1000 || got[999] != "999" {
		t.Errorf("%d events", len(got))
	}
}

// TestSlowSubscriber holds one batch at the door: another collects, and what
// comes above is dropped, counted and told.
func TestSlowSubscriber(t *testing.T) {
	l := newListener(t)
	l.gate = make(chan struct{})
	s := newStream(t, telemetry.Options{})
	if _, err := s.Subscribe("a", l.subscription("2022-12-13", `"function","platform"`)); err != nil {
		t.Fatal(err)
	}
	for range 5000 {
		say(s, "function", "line")
	}
	close(l.gate)
	s.Flush(within(t))
	say(s, "function", "last")
	s.Flush(within(t))
	var kept, lost int
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		switch e.Type {
		case "function":
			kept++
		case "platform.logsDropped":
			r := e.Record.(map[string]any)
			lost += int(r["droppedRecords"].(float64))
			if r["droppedBytes"].(float64) < r["droppedRecords"].(float64) || r["reason"] == "" {
				t.Errorf("%v", r)
			}
		}
	}
	if kept+lost != 5001 || lost < 1 || kept < 1001 {
		t.Errorf("%d kept, %d lost", kept, lost)
	}
}

func TestDeliveryIsTriedAgain(t *testing.T) {
	l := newListener(t)
	l.refuse = 2
	s := newStream(t, telemetry.Options{})
	if _, err := s.Subscribe("a", l.subscription("2022-12-13", `"function"`)); err != nil {
		t.Fatal(err)
	}
	say(s, "function", "x")
	s.Flush(within(t))
	if got := l.records(); !slices.Equal(got, []string{"x"}) || l.requests != 3 {
		t.Errorf("%q in %d requests", got, l.requests)
	}
}

// TestNobodyListens: a subscriber that can't be reached holds up nothing.
func TestNobodyListens(t *testing.T) {
	l := newListener(t)
	how := l.subscription("2022-12-13", `"function"`)
	l.Close()
	s := newStream(t, telemetry.Options{Give: time.Millisecond})
	if _, err := s.Subscribe("a", how); err != nil {
		t.Fatal(err)
	}
	say(s, "function", "x")
	s.Flush(within(t)) // returns because the batch is given up
	endless := newStream(t, telemetry.Options{Give: time.Hour})
	if _, err := endless.Subscribe("a", how); err != nil {
		t.Fatal(err)
	}
	say(endless, "function", "x")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	endless.Flush(ctx) // returns because ctx ends
	endless.Close()
}

// TestHold: a frozen subscriber gets nothing, and loses nothing.
func TestHold(t *testing.T) {
	l := newListener(t)
	s := newStream(t, telemetry.Options{})
	if _, err := s.Subscribe("a", l.subscription("2022-12-13", `"function"`)); err != nil {
		t.Fatal(err)
	}
	s.Hold(true)
	say(s, "function", "x")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	s.Flush(ctx)
	if got := l.records(); got != nil {
		t.Errorf("delivered %q", got)
	}
	s.Hold(false)
	s.Flush(within(t))
	if got := l.records(); !slices.Equal(got, []string{"x"}) {
		t.Errorf("delivered %q", got)
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	how, err := telemetry.ParseSubscription(telemetry.Logs, fmt.Appendf(nil, `{"types":["function"],"destination":{"protocol":"TCP","port":%d}}`, l.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	s := newStream(t, telemetry.Options{})
	if _, err := s.Subscribe("a", how); err != nil {
		t.Fatal(err)
	}
	say(s, "function", `{"a":1}`)
	say(s, "function", "two")
	go s.Flush(within(t))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for _, want := range []string{`"record":"{\"a\":1}"}`, `"record":"two"}`} {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), want) {
			t.Errorf("got %q, want %s", lines.Text(), want)
		}
	}
}

func BenchmarkPublishToNobody(b *testing.B) {
	s := telemetry.NewStream(telemetry.Options{})
	defer s.Close()
	s.Shut()
	e := telemetry.Event{Type: "platform.start", Record: "x"}
	b.ReportAllocs()
	for b.Loop() {
		s.Publish(e)
	}
}
