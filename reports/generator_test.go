package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"coldbench/record"
)

// Every writer tells what the generator said of itself, what was clamped and
// the worst second included.
func TestTheGeneratorIsShown(t *testing.T) {
	s := spiky()
	for i := range 3 {
		why := record.ErrFileLimit
		if i == 2 {
			why = record.ErrNoRequest
		}
		s.failed(20*time.Second, record.NotSent, why, "")
	}
	r := s.report(t)
	var page, md, text bytes.Buffer
	for _, err := range []error{r.WriteHTML(&page), r.WriteMarkdown(&md), r.WriteText(&text, TextOptions{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"p50 0.041 ms, p99 950 ms, max 60 min, of all 270 requests sent, warm-up included; 2 are above an hour, and clamped to it",
		"busiest second 45; fewer were sent than due in 1 of 30 seconds, worst at 15 s: 20 of 45",
		"0.020 of 2 busy in the mean (1.00 %): 620 ms of processor time in 31 s",
		"3 pauses, 0.410 ms in all, the longest 0.230 ms",
		"prepared for 41 in flight; 24 requests waited for a connection to be opened; 30 workers added, growth denied to 5 arrivals; not all could be opened ahead",
		"at most 65 of 65, which is what the machine allows",
		"timerfd, and spinning for the last 0.080 ms",
		"3: 2 × Generator.FileLimit and 1 × Generator.NoRequest",
		"1 024 open files, 28232 local ports",
	} {
		for name, got := range map[string]string{"HTML": page.String(), "Markdown": md.String()} {
			if !strings.Contains(strings.ReplaceAll(ordinary(got), `\`, ""), want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
	if got := strings.Join(strings.Fields(text.String()), " "); !strings.Contains(got, "Generator lag p99 950 ms, max 3 600 000 ms · processors busy 0.020 · longest pause 0.230 ms · connections opened under load 24") {
		t.Errorf("the terminal says\n%s", text.String())
	}
	var summary struct {
		Generator struct {
			LagMs     struct{ Clamped int } `json:"lag_ms"`
			NotSentBy map[string]int        `json:"not_sent_by"`
			PerSecond []record.SecondCount  `json:"achieved_per_second"`
		}
	}
	b, err := json.Marshal(r.Summary())
	if err == nil {
		err = json.Unmarshal(b, &summary)
	}
	if g := summary.Generator; err != nil || g.LagMs.Clamped != 2 || g.NotSentBy[record.ErrFileLimit] != 2 || len(g.PerSecond) != 30 || g.PerSecond[15].Sent != 20 {
		t.Errorf("%v: %+v", err, g)
	}
}

// A run that was never closed has no such figures, and one of an earlier
// version few; neither is made up.
func TestAGeneratorThatSaidNothing(t *testing.T) {
	s := fewScene()
	s.gen = nil
	if facts := s.report(t).generatorFacts(); facts != nil {
		t.Errorf("%v", facts)
	}
	s.gen = &record.GeneratorStats{Scheduled: 3, Sent: 3}
	r := s.report(t)
	for _, f := range r.generatorFacts() {
		if f.Name == "Lag" || f.Name == "Processors" || f.Name == "Waiting" {
			t.Errorf("%v", f)
		}
	}
	if line := r.generatorLine(); line != "" {
		t.Error(line)
	}
}

// Where there are more seconds than room, each part is drawn at its mean.
func TestRatesOfALongRun(t *testing.T) {
	g := &Generator{}
	for i := range int64(10) {
		g.AchievedPerSecond = append(g.AchievedPerSecond, record.SecondCount{Intended: i, Sent: 2 * i})
	}
	due, sent := g.rates(4) // 0-1, 2-4, 5-6, 7-9
	for i, want := range []float64{0.5, 3, 5.5, 8} {
		if due[i] != want || sent[i] != 2*want {
			t.Errorf("part %d: %v due, %v sent", i, due[i], sent[i])
		}
	}
}
