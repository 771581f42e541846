package logsource

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/record"
)

// paging reads a span page by page. A page token that has expired is no loss:
// the span is cut where it stands, and the parts are read anew, each with
// tokens of its own. That trusts in no order of the pages, and comes to an end
// even where every token expires at once. What was handed on before is passed
// over.
type paging struct {
	*reading
	op string
	// page reads one page of a span; next is nil with the last.
	page func(s span, token *string) (next *string, err error)

	newest  int64 // time of the newest event of the span being read
	ordered bool  // no event so far was older than one before it
	lost    int64 // events before this time have been forgotten
}

// maxBarren is how often a span that can't be cut is tried.
const maxBarren = 8

func (p *paging) read(s span) error {
	p.ordered = true
	todo := []span{s} // a stack, the earliest on top
	for barren := 0; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		p.newest = s.from
		whole, err := p.pages(s)
		switch {
		case err != nil:
			return p.explain(p.op, err)
		case p.stopped:
			return nil
		case whole:
			barren = 0
			continue
		}
		parts := p.cut(s)
		if len(parts) == 1 {
			if barren++; barren == maxBarren {
				return fmt.Errorf("read log group %s: the page tokens of the one millisecond %s expire faster than its pages can be read", p.group, printMillis(s.from))
			}
		}
		todo = append(todo, parts...)
	}
	return nil
}

// pages reads a span to its end; false means that a token expired before.
func (p *paging) pages(s span) (whole bool, err error) {
	var token *string
	for {
		before := p.progress.Events
		next, err := p.page(s, token)
		if err != nil {
			if token != nil && expiredToken(err) {
				return false, nil
			}
			return false, err
		}
		if p.stopped || next == nil || token != nil && *next == *token && p.progress.Events == before {
			return true, nil
		}
		token = next
	}
}

// cut divides a span whose pages came up to p.newest, the latest part first.
// What lies before the events that have been forgotten is not read again: they
// were in order.
func (p *paging) cut(s span) []span {
	s.from = max(s.from, p.lost)
	at := min(p.newest, s.to)
	if at <= s.from {
		at = min(s.to, max(s.from, time.Now().UnixMilli()))
	}
	middle := s.from + (at-s.from)/2
	var parts []span
	for _, part := range []span{{at + 1, s.to}, {middle + 1, at}, {s.from, middle}} {
		if part.from <= part.to {
			parts = append(parts, part)
		}
	}
	return parts
}

// take hands on one event of a page, and reports whether to go on. It follows
// the order of times, and forgets old events once there are many and the
// service keeps the order that it documents: ascending by time.
func (p *paging) take(e *record.Event) bool {
	if e.Timestamp < p.newest {
		p.ordered = false
	}
	p.newest = max(p.newest, e.Timestamp)
	if p.ordered && p.seen.full() {
		p.lost = min(p.newest, p.keepFrom) - p.o.Overlap.Milliseconds()
		p.seen.forget(p.lost)
	}
	return p.emit(e)
}

// expiredToken recognises "The specified nextToken is invalid." and its like:
// tokens live for 24 hours.
func expiredToken(err error) bool {
	var invalid *types.InvalidParameterException
	return errors.As(err, &invalid) && strings.Contains(strings.ToLower(invalid.ErrorMessage()), "token")
}

func printMillis(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
