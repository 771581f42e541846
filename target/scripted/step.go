package scripted

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"coldbench/record"
)

// Fault is a breach of the contract between generator and target that a step
// commits on purpose.
type Fault string

// The faults. The zero value is none.
const (
	NoFault Fault = ""
	Panic   Fault = "panic" // Invoke panics after the step's time
	Empty   Fault = "empty" // the reply has no field set
	Hang    Fault = "hang"  // no reply before the context ends
	Deaf    Fault = "deaf"  // the time passes even if the context has ended
)

// Step is one stated answer. The zero value answers OK at once.
type Step struct {
	Seq      *int64     `json:"seq,omitempty"`
	Tag      record.Tag `json:"tag,omitempty"`
	Function *int       `json:"fn,omitempty"`
	Times    int        `json:"times,omitempty"` // 0 means 1

	Init    record.Duration `json:"init,omitempty"`
	Service record.Duration `json:"service,omitempty"`
	TTFB    record.Duration `json:"ttfb,omitempty"` // 0 means with the last byte

	Outcome       record.Outcome `json:"outcome,omitempty"` // "" means record.OK
	Status        int            `json:"status,omitempty"`
	ErrorType     string         `json:"error_type,omitempty"`
	Error         string         `json:"error,omitempty"`
	RequestID     string         `json:"request_id,omitempty"`
	Version       string         `json:"version,omitempty"`
	ResponseBytes int64          `json:"response_bytes,omitempty"`
	Tail          string         `json:"tail,omitempty"`

	Fault Fault `json:"fault,omitempty"`
}

// maxTimes bounds the cycle.
const maxTimes = 1_000_000

func (s *Step) conditional() bool { return s.Seq != nil || s.Tag != "" || s.Function != nil }

func (s *Step) validate() error {
	switch {
	case s.Init < 0 || s.Service < 0 || s.TTFB < 0:
		return errors.New("a time is negative")
	case time.Duration(s.TTFB) > s.total():
		return fmt.Errorf("ttfb %v is after the end of the answer (init + service = %v)", time.Duration(s.TTFB), s.total())
	case s.Times < 0 || s.Times > maxTimes:
		return fmt.Errorf("times %d is not in [0, %d]", s.Times, maxTimes)
	case s.Times != 0 && s.conditional():
		return errors.New("times has no meaning with seq, tag or fn")
	case s.Outcome != "" && !slices.Contains(record.Outcomes, s.Outcome):
		return fmt.Errorf("outcome %q is none of %v", s.Outcome, record.Outcomes)
	case !slices.Contains([]Fault{NoFault, Panic, Empty, Hang, Deaf}, s.Fault):
		return fmt.Errorf("fault %q is none of panic, empty, hang, deaf", s.Fault)
	}
	return nil
}

func (s *Step) total() time.Duration { return time.Duration(s.Init) + time.Duration(s.Service) }

// SyntaxError is a line that is no step.
type SyntaxError struct {
	Pos record.Pos
	Err error
}

// Error names the file, the line and the fault.
func (e *SyntaxError) Error() string { return fmt.Sprintf("read script: %s: %v", e.Pos, e.Err) }

// Unwrap returns the fault.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Read reads a script; name is what errors call it. Faulty lines are a
// *SyntaxError each, all of them joined. A script without a step is an error.
func Read(r io.Reader, name string) ([]Step, error) {
	var steps []Step
	var errs []error
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var n int64
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		step, err := parse(text)
		if err != nil {
			errs = append(errs, &SyntaxError{record.Pos{File: name, Line: n}, err})
			continue
		}
		steps = append(steps, step)
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, &SyntaxError{record.Pos{File: name, Line: n + 1}, err})
	}
	if len(errs) == 0 && len(steps) == 0 {
		errs = append(errs, &SyntaxError{record.Pos{File: name}, errors.New("there is no step in it")})
	}
	return steps, errors.Join(errs...)
}

func parse(text []byte) (s Step, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return s, errors.New("more than one value on the line")
	}
	return s, s.validate()
}

// Open reads the script in a file and returns the target that plays it.
func Open(path string) (*Target, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open script: %w", err)
	}
	defer func() { _ = f.Close() }()
	steps, err := Read(f, path)
	if err != nil {
		return nil, err
	}
	return New(steps...), nil
}
