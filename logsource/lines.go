package logsource

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"coldbench/record"
)

// Events yields the lines of all files as events, verbatim. An X-Ray line
// belongs to the REPORT before it. In an S3 export each event begins with its
// time, which becomes the event's Timestamp; lines without one go on with the
// event before them. Other envelopes than these (JSON answers, CSV) hold more
// than an event, or less, in a line: read those with All and a parser.
//
// The last step may be a *PartialError: everything that could be read has been
// yielded before it.
func (f *Files) Events(ctx context.Context, w Window) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		partial := &PartialError{}
		within := w.span()
		for file, err := range f.All(ctx) {
			if ctx.Err() != nil {
				yield(record.Event{}, ctx.Err())
				return
			}
			if err != nil {
				partial.add(err)
				continue
			}
			l := lines{file: file, max: f.MaxEvent, partial: partial, export: file.LogStream != ""}
			if !l.read(func(e *record.Event) bool { return !within.holds(e) || yield(*e, nil) }) {
				return
			}
		}
		if err := partial.orNil(); err != nil {
			yield(record.Event{}, err)
		}
	}
}

// lines makes events of one file.
type lines struct {
	file    *File
	max     int
	partial *PartialError
	export  bool // events begin with a time

	n       int // number of the line last read
	event   []byte
	at      int64
	started bool // event and at hold an event that may go on
}

// read hands each event to out, until out reports false.
func (l *lines) read(out func(*record.Event) bool) bool {
	r := bufio.NewReaderSize(l.file, 64<<10)
	for {
		line, err := l.line(r)
		if len(line) > 0 && !l.add(line, out) {
			return false
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			l.partial.add(fmt.Errorf("%w; everything before was read", err))
		}
		return l.flush(out)
	}
}

// line reads one line, with its newline. One that is too long is told and
// passed over, in constant memory.
func (l *lines) line(r *bufio.Reader) ([]byte, error) {
	l.n++
	var line []byte
	long := false
	for {
		piece, err := r.ReadSlice('\n')
		if len(line)+len(piece) > l.max {
			long, line = true, nil
		}
		if !long {
			line = append(line, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long {
			l.partial.add(fmt.Errorf("read logs: %s:%d: the line is longer than %d bytes and was passed over", l.file.Name, l.n, l.max))
		}
		return line, err
	}
}

// add puts a line to the event it belongs to.
func (l *lines) add(line []byte, out func(*record.Event) bool) bool {
	text, at, begins := line, int64(0), true
	if l.export {
		text, at, begins = exportLine(line)
	}
	goesOn := l.export && !begins || bytes.HasPrefix(text, []byte("XRAY TraceId:"))
	if l.started && goesOn && len(l.event)+len(text) <= l.max {
		l.event = append(l.event, text...)
		return true
	}
	if !l.flush(out) {
		return false
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return true
	}
	l.event, l.at, l.started = append(l.event[:0], text...), at, true
	return true
}

func (l *lines) flush(out func(*record.Event) bool) bool {
	if !l.started {
		return true
	}
	l.started = false
	return out(&record.Event{LogStream: l.file.LogStream, Timestamp: l.at, Message: string(l.event), Source: "file"})
}

// exportLine takes the time off a line of an S3 export:
// "2016-10-01T10:47:56.920Z REPORT ...".
func exportLine(line []byte) (text []byte, at int64, ok bool) {
	prefix, rest, found := bytes.Cut(line, []byte(" "))
	if !found || len(prefix) < 20 || len(prefix) > 30 || prefix[4] != '-' {
		return line, 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(prefix))
	if err != nil {
		return line, 0, false
	}
	return rest, t.UnixMilli(), true
}

var (
	// exportObject is an object of an S3 export: 000000.gz in a folder of its
	// stream.
	exportObject = regexp.MustCompile(`^\d{6}(\.gz)?$`)
	// lambdaStream is a stream of Lambda's at the end of a path, whose slashes
	// are folders or have become hyphens.
	lambdaStream = regexp.MustCompile(`(?:^|/)(\d{4})[-/](\d{2})[-/](\d{2})[-/]([^/]*\[[^\]/]+\][0-9a-f]{32})$`)
)

// streamOfPath finds the log stream in the path of an object of an S3 export;
// "" for any other file.
func streamOfPath(path string) string {
	path = filepath.ToSlash(path)
	folder, object, ok := cutLast(path, "/")
	if !ok || !exportObject.MatchString(object) {
		return ""
	}
	if m := lambdaStream.FindStringSubmatch(folder); m != nil {
		return strings.Join(m[1:], "/")
	}
	_, stream, _ := cutLast(folder, "/")
	return stream
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}
