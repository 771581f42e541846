package reports

import (
	"fmt"
	"strings"

	"coldbench/record"
	"coldbench/stats"
)

// Tone is how a banner is to be taken; the words carry the same meaning.
type Tone string

// The tones.
const (
	ToneGood    Tone = "good"
	ToneInfo    Tone = "info"
	ToneCaution Tone = "caution"
	ToneBad     Tone = "bad"
)

// Banner is the verdict in words: a tag, one sentence with the figure first,
// and what limits it.
type Banner struct {
	Tone     Tone
	Tag      string
	Headline string
	Detail   string // interval, counts, second figure
	Limit    string // what the provenance allows to conclude
}

// limits says for each provenance what a reader may conclude.
var limits = map[record.Provenance]string{
	record.Measured:  "Measured from outside: the figures hold for this target, at this hour, from this machine.",
	record.Emulated:  "An emulator on this machine produced these figures; they say nothing certain about AWS.",
	record.Modelled:  "Delays drawn from published data are part of these figures; they say nothing certain about AWS.",
	record.Simulated: "A simulator produced these figures; they say nothing about AWS.",
}

// emulated says whether real processes of this machine answered.
func emulated(p record.Provenance) bool { return p == record.Emulated || p == record.Modelled }

// Banner puts the verdict of the run into words.
func (r *Report) Banner() Banner {
	b := Banner{Tone: ToneGood, Tag: "✓ Valid", Limit: limits[r.Plan.Provenance]}
	if !r.Verdict.Valid {
		b.Tone, b.Tag = ToneBad, "! Invalid"
		b.Headline = "This run is not valid to quote. No verdict"
		if len(r.Verdict.Reasons) > 0 {
			b.Headline = sentence(plain(r.Verdict.Reasons[0].Text, 300)) + " No verdict"
		}
		b.Detail = r.countsSentence()
		return b
	}
	r.headline(&b)
	return b
}

// headline picks the sentence for a valid run by what its sample supports.
func (r *Report) headline(b *Banner) {
	const p50 = 0.5
	cold, warm, all := r.numbers("response", record.StartCold), r.numbers("response", record.StartWarm), r.numbers("response", "")
	c, coldOK := cold.At(p50)
	w, warmOK := warm.At(p50)
	a, allOK := all.At(p50)
	switch {
	case r.Outcomes[record.OK] == 0:
		b.Tone, b.Tag = ToneCaution, "? No answer"
		b.Headline = fmt.Sprintf("None of %s ended well", plural(r.Arrivals, "request", "requests"))
		b.Detail = r.countsSentence()
	case coldOK && warmOK:
		b.Headline = fmt.Sprintf("Cold start %s at p50: %s cold, %s warm", adds(c, w), c.ms(), w.ms())
		b.Detail = fmt.Sprintf("Response, 95 %% intervals %s cold and %s warm, n = %s and %s. %s",
			interval(c), interval(w), count(cold.N), count(warm.N), r.countsSentence())
	case coldOK:
		b.Headline = fmt.Sprintf("Cold start takes %s at p50; %s to compare it with", c.ms(), fewStarts(warm.N, "warm"))
		b.Detail = fmt.Sprintf("Response, 95 %% interval %s, n = %s. %s", interval(c), count(cold.N), r.countsSentence())
	case warmOK:
		b.Headline = fmt.Sprintf("Warm start takes %s at p50; %s", w.ms(), coldLack(cold.N))
		b.Detail = fmt.Sprintf("Response, 95 %% interval %s, n = %s. %s", interval(w), count(warm.N), r.countsSentence())
		if cold.N > 0 {
			b.Tone, b.Tag = ToneCaution, "? Too few starts"
		}
	case allOK:
		b.Headline = fmt.Sprintf("Response takes %s at p50%s", a.ms(), tail(all))
		b.Detail = fmt.Sprintf("95 %% interval %s, n = %s; nothing says which starts were cold. %s", interval(a), count(all.N), r.countsSentence())
	default:
		b.Tone, b.Tag = ToneCaution, "? Too few starts"
		b.Headline = fmt.Sprintf("%s; p50 needs at least %d", plural(all.N, "start", "starts"), stats.MinN(p50, stats.Level))
		b.Detail = r.countsSentence()
	}
	b.Headline += r.timedOutShare() + r.interruption()
}

// adds puts the difference of two medians into a verb.
func adds(cold, warm Quantile) string {
	ms := cold.Value - warm.Value
	switch {
	case warm.AtLeast:
		return "has no known price"
	case cold.AtLeast:
		return "adds at least " + withUnit(ms, "ms")
	case ms < 0:
		return "saves " + withUnit(-ms, "ms")
	}
	return "adds " + withUnit(ms, "ms")
}

func fewStarts(n int64, kind string) string {
	if n == 0 {
		return "no " + kind + " start"
	}
	return fmt.Sprintf("%s, too few", plural(n, kind+" start", kind+" starts"))
}

func coldLack(n int64) string {
	if n == 0 {
		return "no cold start was seen"
	}
	return fmt.Sprintf("%s, p50 needs at least %d", plural(n, "cold start", "cold starts"), stats.MinN(0.5, stats.Level))
}

// tail names the highest quantile of the table that the sample supports.
func tail(n *Numbers) string {
	for i := len(n.Quantiles) - 1; i > 0; i-- {
		if q := n.Quantiles[i]; q.OK {
			return fmt.Sprintf(", %s at %s", q.ms(), quantileName(q.P))
		}
	}
	return ""
}

// interval prints the bounds of a supported quantile of a time.
func interval(q Quantile) string {
	return q.between() + nbsp + "ms"
}

// countsSentence says how many there were of what.
func (r *Report) countsSentence() string {
	var parts []string
	for _, s := range record.Starts {
		if n := r.Starts[s]; n > 0 && s != record.StartUnknown {
			parts = append(parts, count(n)+" "+string(s))
		}
	}
	failed := r.Failed()
	text := plural(r.Arrivals, "arrival", "arrivals")
	if len(parts) > 0 {
		text += ": " + join(parts) + " " + one(r.knownStarts(), "start", "starts")
	}
	if failed > 0 {
		text += fmt.Sprintf(", %s not end well", plural(failed, "request did", "requests did"))
	}
	return text + "."
}

func (r *Report) knownStarts() (n int64) {
	for s, k := range r.Starts {
		if s != record.StartUnknown {
			n += k
		}
	}
	return n
}

// Failed is the number of arrivals that did not end well.
func (r *Report) Failed() int64 { return r.Arrivals - r.Outcomes[record.OK] }

func one(n int64, singular, many string) string {
	if n == 1 {
		return singular
	}
	return many
}

// join writes a list: a, b and c.
func join(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// sentence starts a text with a capital and ends it with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	first := []rune(s)[0]
	s = strings.ToUpper(string(first)) + s[len(string(first)):]
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}
