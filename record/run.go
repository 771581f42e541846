package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// Run is a run directory opened for reading. Its streams may be iterated any
// number of times, each time from the files; one Run is not safe for
// concurrent use.
type Run struct {
	Dir       string
	Plan      *Plan
	Host      *Host           // nil where environment.json is missing or unreadable
	Generator *GeneratorStats // nil where the run was never closed

	opened      []Warning
	rows        streamNotes
	events      streamNotes
	rowsRead    int64
	rowsWhole   bool // the last iteration over the rows came to the end
	neverClosed bool
}

// Open reads the plan and the two small files of a run directory. It returns
// an error that says which file is at fault when dir is no run directory or
// its plan cannot be read, and one that matches ErrSchema when the plan is of
// another version. Everything else that is wrong becomes a warning, or an
// error of the iteration that meets it.
func Open(dir string) (*Run, error) {
	r, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("open run: %w", err)
	}
	return r, nil
}

// ErrSchema is in the chain of an error of Open when the run was written in a
// version of the format that this one does not read.
var ErrSchema = errors.New("other version of the run format")

func open(dir string) (*Run, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s: is a file, not a run directory", dir)
	}
	r := &Run{Dir: dir}
	if r.Plan, err = readPlan(dir); err != nil {
		return nil, err
	}
	r.Host = readOptional[Host](r, HostFile)
	r.Generator = readOptional[GeneratorStats](r, GeneratorFile)
	r.neverClosed = r.Generator == nil
	return r, nil
}

func readPlan(dir string) (*Plan, error) {
	path := filepath.Join(dir, PlanFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: holds no %s, so it is no run directory: %w", dir, PlanFile, fs.ErrNotExist)
	case err != nil:
		return nil, err
	}
	// The version first: another one may have other types.
	var v struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if v.Schema != PlanSchema {
		return nil, fmt.Errorf("%s: schema %q: this version reads %q: %w", path, v.Schema, PlanSchema, ErrSchema)
	}
	p := new(Plan)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// readOptional reads a small file; nil where it is missing, nil and a warning
// where it cannot be read.
func readOptional[T any](r *Run, name string) *T {
	path := filepath.Join(r.Dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	v := new(T)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		r.opened = append(r.opened, Warning{
			Code:   "unreadable",
			Text:   fmt.Sprintf("%s cannot be read and is ignored: %v", name, err),
			Remedy: "copy the run directory again from where it was made",
		})
		return nil
	}
	return v
}

// Rows yields every row that can be read, in the order of the file, which is
// the order in which they were over. Memory does not grow with their number.
// Damage is skipped and told by Warnings afterwards; an error is yielded only
// where the file is missing or the disk fails, and ends the iteration.
func (r *Run) Rows() iter.Seq2[Invocation, error] {
	return func(yield func(Invocation, error) bool) {
		var d rowDecoder
		var row Invocation
		stopped := false
		r.rowsRead, r.rowsWhole = 0, false
		err := eachLine(r.Dir, RowsFile, &r.rows, func(line []byte) (bool, error) {
			if err := d.decode(line, &row); err != nil {
				return false, err
			}
			r.rowsRead++
			stopped = !yield(row, nil)
			return stopped, nil
		})
		if err != nil {
			yield(Invocation{}, fmt.Errorf("read rows: %w", err))
			return
		}
		r.rowsWhole = !stopped
	}
}

// Events yields the events of the platform's log, as Rows yields rows. A run
// without the file has no events.
func (r *Run) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := eachLine(r.Dir, EventsFile, &r.events, func(line []byte) (bool, error) {
			var e Event
			if err := json.Unmarshal(line, &e); err != nil {
				return false, err
			}
			return !yield(e, nil), nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(Event{}, fmt.Errorf("read events: %w", err))
		}
	}
}

// NeverClosed says that the run lacks generator.json: it was killed, or it is
// still going on.
func (r *Run) NeverClosed() bool { return r.neverClosed }

// Warnings says what was wrong with the files, as far as Open and the
// iterations so far have met it. Check says what is wrong with the figures.
func (r *Run) Warnings() []Warning {
	ws := append([]Warning{}, r.opened...)
	if r.neverClosed {
		text := "the run was never closed (no " + GeneratorFile + "): it was killed or is still going on"
		if r.rowsWhole {
			text += fmt.Sprintf("; %d arrivals were planned and %d are recorded", r.Plan.Arrivals, r.rowsRead)
		}
		ws = append(ws, Warning{Code: "never_closed", Text: text, Remedy: "repeat the run for figures of all its arrivals"})
	}
	ws = append(ws, r.rows.warnings()...)
	return append(ws, r.events.warnings()...)
}
