package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// The files of a run directory. docs/format.md specifies them.
const (
	PlanFile      = "plan.json"
	RowsFile      = "rows.jsonl.zst"
	EventsFile    = "platform.log.zst"
	HostFile      = "environment.json"
	GeneratorFile = "generator.json"
)

// Sizes of the two buffers of each stream. 8 MiB hold about 24,000 rows: a
// generator at 20,000 rows a second rides out a disk that stalls for a second.
const (
	rowsBuffer   = 8 << 20
	eventsBuffer = 2 << 20
)

// Writer writes one run directory. Record and Event may be called from many
// goroutines at once; every method may be called while others run.
type Writer struct {
	dir          string
	rows, events *stream

	mu     sync.Mutex
	closed bool
}

// Create makes the run directory dir, parents included, writes the plan and
// opens the two streams. It never writes over a run: a directory that is not
// empty is an error that matches fs.ErrExist. An empty Schema of the plan is
// written as PlanSchema; p itself is not changed.
func Create(dir string, p *Plan) (*Writer, error) {
	w, err := create(dir, p)
	if err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	return w, nil
}

func create(dir string, p *Plan) (*Writer, error) {
	plan := *p
	if plan.Schema == "" {
		plan.Schema = PlanSchema
	}
	if plan.Schema != PlanSchema {
		return nil, fmt.Errorf("plan: schema %q: this version writes %q", plan.Schema, PlanSchema)
	}
	if err := makeEmpty(dir); err != nil {
		return nil, err
	}
	w := &Writer{dir: dir}
	if err := w.writeJSON(PlanFile, &plan, os.O_EXCL); err != nil {
		return nil, err
	}
	var err error
	if w.rows, err = newStream(filepath.Join(dir, RowsFile), rowsBuffer); err != nil {
		return nil, err
	}
	if w.events, err = newStream(filepath.Join(dir, EventsFile), eventsBuffer); err != nil {
		return nil, errors.Join(err, w.rows.close())
	}
	return w, nil
}

// makeEmpty makes dir, or accepts one that is there and empty.
func makeEmpty(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if n := len(entries); n > 0 {
		return fmt.Errorf("%s holds %d files, %s among them; a run is never written over: %w", dir, n, entries[0].Name(), fs.ErrExist)
	}
	return nil
}

// Dir is the directory that the run goes to.
func (w *Writer) Dir() string { return w.dir }

// Record appends one row. It copies the row into a buffer and returns; it
// blocks only when the disk is rowsBuffer behind. A row without one of the
// known outcomes is refused. After a write error every call returns that
// error; what was written before stays readable.
func (w *Writer) Record(row *Invocation) error {
	if !row.Outcome.known() {
		return fmt.Errorf("record row %d: outcome %q is none of those of this version", row.Seq, row.Outcome)
	}
	var space [1024]byte // rows with a longer error text go to the heap
	return w.rows.line(row.AppendJSON(space[:0]))
}

// Event appends one event of the platform's log, as a line of JSON. Bytes of
// the message that are no UTF-8 become U+FFFD. Errors are those of Record.
func (w *Writer) Event(e Event) error {
	var space [1024]byte
	return w.events.line(e.appendJSON(space[:0]))
}

// Host writes environment.json, over an earlier one of this run.
func (w *Writer) Host(h Host) error {
	if err := w.writeJSON(HostFile, &h, os.O_TRUNC); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// Generator writes generator.json, over an earlier one of this run. It is the
// mark of a run that came to its end, so it is called after the last row.
func (w *Writer) Generator(g GeneratorStats) error {
	if err := w.writeJSON(GeneratorFile, &g, os.O_TRUNC); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// Close writes what is buffered, hands it to the disk and ends the goroutines.
// It returns the first write error of the run, if there was one. Close twice
// is harmless.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	return errors.Join(w.rows.close(), w.events.close())
}

func (w *Writer) writeJSON(name string, v any, flag int) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE|flag, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}

// stream is a frameWriter on a file of its own.
type stream struct {
	file   *os.File
	frames *frameWriter
}

func newStream(path string, size int) (*stream, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	fw, err := newFrameWriter(f, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &stream{f, fw}, nil
}

func (s *stream) line(b []byte) error {
	if err := s.frames.line(b); err != nil {
		return fmt.Errorf("write run: %s: %w", filepath.Base(s.file.Name()), err)
	}
	return nil
}

func (s *stream) close() error {
	err := s.frames.close()
	if err2 := errors.Join(s.file.Sync(), s.file.Close()); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("write run: %s: %w", filepath.Base(s.file.Name()), err)
	}
	return nil
}

// appendJSON appends the event as encoding/json writes it, with HTML escaping
// off. message is always there.
func (e *Event) appendJSON(dst []byte) []byte {
	start := len(dst)
	dst = appendStr(dst, `,"eventId":`, e.EventID)
	dst = appendStr(dst, `,"logStreamName":`, e.LogStream)
	dst = appendInt(dst, `,"timestamp":`, e.Timestamp)
	dst = appendString(append(dst, `,"message":`...), e.Message)
	dst = appendStr(dst, `,"source":`, e.Source)
	dst = appendStr(dst, `,"requestId":`, e.RequestID)
	dst[start] = '{'
	return append(dst, '}')
}
