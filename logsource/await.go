package logsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"coldbench/record"
)

// AwaitOptions says how to wait for REPORT lines.
type AwaitOptions struct {
	PollOptions
	// ReportOf names the request whose REPORT an event is, "" for any other
	// event. It must be set.
	ReportOf func(*record.Event) string
	// Each gets every event, once; it may be nil.
	Each func(record.Event) error
	// Progress is called after every question; it may be nil.
	Progress func(found, missing int)
}

// MissingError lists the requests whose REPORT did not come in time. It wraps
// ErrIncomplete.
type MissingError struct {
	N   int      // how many
	IDs []string // the first of them, sorted; Wanted.Missing lists all
}

// Error names some of the ids.
func (e *MissingError) Error() string {
	shown := e.IDs[:min(3, len(e.IDs))]
	more := ""
	if e.N > len(shown) {
		more = ", ..."
	}
	return fmt.Sprintf("%v: %d requests have no REPORT: %s%s", ErrIncomplete, e.N, strings.Join(shown, ", "), more)
}

// Unwrap returns ErrIncomplete.
func (e *MissingError) Unwrap() error { return ErrIncomplete }

// missingShown is how many ids a MissingError holds.
const missingShown = 1000

// Await reads the window again and again until every wanted request has its
// REPORT or the time of o is over; then it returns a *MissingError. Each
// question starts where the oldest missing request may have its REPORT:
// Overlap before the time with which it was wanted. So a REPORT is found
// however late it is delivered, and the questions get cheaper as they succeed.
func Await(ctx context.Context, src Source, w Window, wanted *Wanted, o AwaitOptions) error {
	p := poll{seen: newSeen(forgetAbove), window: w}
	p.each = func(e record.Event) error {
		if id := o.ReportOf(&e); id != "" {
			wanted.Found(id)
		}
		if o.Each == nil {
			return nil
		}
		return o.Each(e)
	}
	done := func() bool {
		if o.Progress != nil {
			o.Progress(wanted.FoundCount(), wanted.Len())
		}
		return wanted.Len() == 0
	}
	err := p.until(ctx, src, o.PollOptions, done, func() time.Time {
		oldest := wanted.oldest()
		if oldest.IsZero() {
			return time.Time{}
		}
		return oldest.Add(-o.Overlap)
	})
	if errors.Is(err, ErrIncomplete) {
		return &MissingError{N: wanted.Len(), IDs: wanted.Missing(missingShown)}
	}
	return err
}

// Wanted is a set of request ids whose REPORT has not been seen. An id in the
// form of a UUID takes 24 bytes, so that a million fit into some 60 MB. It is
// not safe for concurrent use; the zero value is not usable.
type Wanted struct {
	uuids map[[16]byte]int64 // to the earliest time in Unix milliseconds, 0 = not known
	texts map[string]int64
	found int
}

// NewWanted returns an empty set.
func NewWanted() *Wanted {
	return &Wanted{uuids: map[[16]byte]int64{}, texts: map[string]int64{}}
}

// Add puts an id into the set. No REPORT of it is older than at; a zero at
// says that this is not known.
func (w *Wanted) Add(id string, at time.Time) {
	ms := int64(0)
	if !at.IsZero() {
		ms = at.UnixMilli()
	}
	if u, ok := parseUUID(id); ok {
		w.uuids[u] = ms
	} else if id != "" {
		w.texts[id] = ms
	}
}

// Found takes an id out and reports whether it was wanted.
func (w *Wanted) Found(id string) bool {
	before := w.Len()
	if u, ok := parseUUID(id); ok {
		delete(w.uuids, u)
	} else {
		delete(w.texts, id)
	}
	if w.Len() == before {
		return false
	}
	w.found++
	return true
}

// Len is the number of ids that are still wanted.
func (w *Wanted) Len() int { return len(w.uuids) + len(w.texts) }

// FoundCount is the number of ids that were taken out.
func (w *Wanted) FoundCount() int { return w.found }

// Missing lists up to limit ids that are still wanted, sorted among
// themselves; a limit below 0 lists all.
func (w *Wanted) Missing(limit int) []string {
	ids := make([]string, 0, w.Len())
	for u := range w.uuids {
		ids = append(ids, formatUUID(u))
	}
	for id := range w.texts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if limit >= 0 && limit < len(ids) {
		ids = slices.Clone(ids[:limit])
	}
	return ids
}

// oldest is the earliest time of a wanted id; zero where one's is not known.
func (w *Wanted) oldest() time.Time {
	least := maxMillis
	for _, ms := range w.uuids {
		least = min(least, ms)
	}
	for _, ms := range w.texts {
		least = min(least, ms)
	}
	if least == 0 || least == maxMillis {
		return time.Time{}
	}
	return time.UnixMilli(least)
}

const hexDigits = "0123456789abcdef"

// parseUUID reads 8-4-4-4-12 lower-case hexadecimal digits, the form of
// Lambda's request ids.
func parseUUID(s string) (u [16]byte, ok bool) {
	if len(s) != 36 {
		return u, false
	}
	n := 0
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return u, false
			}
			continue
		}
		v := strings.IndexByte(hexDigits, c)
		if v < 0 {
			return u, false
		}
		u[n/2] = u[n/2]<<4 | byte(v)
		n++
	}
	return u, true
}

func formatUUID(u [16]byte) string {
	b := make([]byte, 0, 36)
	for i, v := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[v>>4], hexDigits[v&15])
	}
	return string(b)
}
