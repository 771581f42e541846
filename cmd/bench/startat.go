package main

import (
	"fmt"
	"strings"
	"time"
)

// startFlag is the value of --start-at.
type startFlag struct{ time.Time }

func (s *startFlag) Set(text string) error {
	now := time.Now()
	if left, relative := strings.CutPrefix(text, "+"); relative {
		d, err := time.ParseDuration(left)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is no time from now, such as +10s", text)
		}
		s.Time = now.Add(d)
		return nil
	}
	t, err := time.Parse(time.RFC3339, text) // fractions of a second are accepted
	if err != nil {
		return fmt.Errorf("%q is neither RFC 3339, such as %s, nor a time from now, such as +10s", text, now.UTC().Add(time.Minute).Format("2006-01-02T15:04:05.000Z"))
	}
	if !t.After(now) {
		return fmt.Errorf("%s is not in the future: it is %s", text, now.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	s.Time = t
	return nil
}

func (s *startFlag) String() string {
	if s.IsZero() {
		return ""
	}
	return s.UTC().Format(time.RFC3339Nano)
}

func (s *startFlag) Type() string { return "time" }
