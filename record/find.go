package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
)

// Placed is one value of a stream of a run, and the line where it stands.
type Placed[T any] struct {
	Value T
	Pos   Pos // the file's name within the run directory, and the line
}

// FindRows yields the rows whose line keep accepts, as Rows yields all. keep
// sees a line as it stands in the file, without its newline and valid during
// the call, so a search pays for decoding only what it looks for. A key and
// its value may be spelled in more than one way in JSON: keep should let pass
// what may be meant, and the caller look at the row. Warnings are those of
// Rows.
func (r *Run) FindRows(keep func(line []byte) bool) iter.Seq2[Placed[Invocation], error] {
	return func(yield func(Placed[Invocation], error) bool) {
		var d rowDecoder
		var row Invocation
		var n int64
		err := eachLine(r.Dir, RowsFile, &r.rows, func(line []byte) (bool, error) {
			n++
			if !keep(line) {
				return false, nil
			}
			if err := d.decode(line, &row); err != nil {
				return false, err
			}
			return !yield(Placed[Invocation]{row, Pos{RowsFile, n}}, nil), nil
		})
		if err != nil {
			yield(Placed[Invocation]{}, fmt.Errorf("read rows: %w", err))
		}
	}
}

// FindEvents yields the events whose line keep accepts: FindRows for the
// platform's log. A run without that file has no events.
func (r *Run) FindEvents(keep func(line []byte) bool) iter.Seq2[Placed[Event], error] {
	return func(yield func(Placed[Event], error) bool) {
		var n int64
		err := eachLine(r.Dir, EventsFile, &r.events, func(line []byte) (bool, error) {
			n++
			if !keep(line) {
				return false, nil
			}
			var e Event
			if err := json.Unmarshal(line, &e); err != nil {
				return false, err
			}
			return !yield(Placed[Event]{e, Pos{EventsFile, n}}, nil), nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(Placed[Event]{}, fmt.Errorf("read events: %w", err))
		}
	}
}
