package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"coldbench/record"
)

// stalledScene is an HTTP target that stood still: 51 of 300 requests were
// given up after 500 ms, so that the true p90, the 270th of 300, is not below.
func stalledScene() *scene {
	s := urlScene()
	s.rows, s.plan.Timeout = s.rows[:249], record.Duration(500*time.Millisecond)
	for i := range s.rows {
		s.rows[i].Outcome = record.OK
	}
	for i := range 51 {
		s.failed(time.Duration(249+i)*10*time.Millisecond, record.TimedOut, record.ErrClientTimeout, "no reply before the client's time-out")
		s.rows[249+i].Done = 0
	}
	return s
}

func TestTimeOutsCountInTheRanks(t *testing.T) {
	r := stalledScene().report(t)
	var text, md, page, js bytes.Buffer
	for _, err := range []error{r.WriteText(&text, TextOptions{Width: 120}), r.WriteMarkdown(&md), r.WriteHTML(&page), r.WriteJSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, out := range map[string]string{"text": text.String(), "markdown": ordinary(md.String()), "html": ordinary(page.String())} {
		for _, want := range []string{"≥ 500 ms at p95; 51 of 300 timed out (17.0 %)", "≥ 500", "∞"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not say %q:\n%.3000s", name, want, out)
			}
		}
	}
	var s Summary
	if err := json.Unmarshal(js.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	all := s.Quantities["response_ms"]["all"]
	if all.N != 300 || all.Censored != 51 || all.P50 == nil || all.P90 != nil || all.P95 != nil || all.Max != nil || all.Mean != nil {
		t.Errorf("response = %+v", all)
	}
	for _, key := range []string{"p90", "p95", "max"} {
		if all.AtLeast[key] != 500 {
			t.Errorf("%s is at least %v, not 500", key, all.AtLeast[key])
		}
	}
	if ci := all.CI95["p90"]; ci == nil || ci[0] == nil || ci[1] != nil {
		t.Errorf("interval of p90 = %v", ci)
	}
	if lag := s.Quantities["lag_ms"]["all"]; lag.N != 300 || lag.Censored != 0 {
		t.Errorf("lag = %+v", lag)
	}
	for _, x := range r.Warnings {
		if x.Code == "timeouts" && !strings.Contains(x.Text, "lower bound") {
			t.Errorf("the warning does not tell how the time-outs count: %s", x.Text)
		}
	}
}

// What was given up at the second Ctrl-C was waited for until the last arrival,
// here 2.99 s, at least.
func TestGivenUpCountInTheRanks(t *testing.T) {
	s := stalledScene()
	s.gen.Interrupted, s.plan.Arrivals = true, 1000
	for i := range s.rows[249:] {
		s.rows[249+i].Outcome, s.rows[249+i].ErrorType = record.TransportError, record.ErrInterrupted
	}
	r := s.report(t)
	all := r.numbers("response", "")
	if all.N != 300 || all.Censored != 51 || all.Least != 0 || all.Max != 500 {
		t.Errorf("response = %+v", all)
	}
	// The waits are 0, 10 ... 500 ms; the p95 is the 285th of 300, 15 below the
	// longest.
	if q, _ := all.At(0.95); !q.AtLeast || q.Value != 350 {
		t.Errorf("p95 = %+v", q)
	}
	for _, want := range []string{"51 of 300 were given up", "interrupted after 300 of 1 000 arrivals"} {
		if got := ordinary(r.Banner().Headline); !strings.Contains(got, want) {
			t.Errorf("the headline does not say %q: %s", want, got)
		}
	}
}

// What the function's own time-out ended has an end and a start; what the
// client gave up on has neither, and cold and warm rows say that they lack it.
func TestTimeOutsWithoutAStart(t *testing.T) {
	s := spiky()
	s.rows[3].Outcome = record.TimedOut
	s.failed(time.Second, record.TimedOut, record.ErrClientTimeout, "")
	r := s.report(t)
	if n := r.numbers("response", s.rows[3].Start); n.Censored != 1 || n.Least != milliseconds(s.rows[3].Response()) {
		t.Errorf("the start that timed out: %+v", n)
	}
	if all := r.numbers("response", ""); all.Censored != 2 || all.N != int64(len(s.rows)) {
		t.Errorf("all = %+v", all)
	}
	for _, x := range r.Warnings {
		if x.Code == "timeouts_without_start" {
			return
		}
	}
	t.Errorf("no warning of the time-out without a start: %+v", r.Warnings)
}
