package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lineFault says where lines of a stream could not be read.
type lineFault struct {
	count int64
	line  int64 // of the first, from 1
	text  string
}

func (l *lineFault) add(line int64, err error) {
	if l.count == 0 {
		l.line, l.text = line, err.Error()
	}
	l.count++
}

// streamNotes is what an iteration found wrong with a stream.
type streamNotes struct {
	name      string
	truncated bool
	damage    int64
	damageAt  int64
	bad       lineFault
}

func (n *streamNotes) warnings() []Warning {
	var ws []Warning
	if n.truncated {
		ws = append(ws, Warning{
			Code:   "truncated",
			Text:   n.name + " ends in the middle of a frame: at most the last second of the run is lost",
			Remedy: "let a run end by itself, or stop it with one Ctrl-C",
		})
	}
	if n.damage > 0 {
		ws = append(ws, Warning{
			Code:   "damaged",
			Text:   fmt.Sprintf("%s is damaged: %d bytes from byte %d on belong to no sound frame and were skipped", n.name, n.damage, n.damageAt),
			Remedy: "copy the run directory again from where it was made, or repeat the run",
		})
	}
	if n.bad.count > 0 {
		ws = append(ws, Warning{
			Code:   "bad_lines",
			Text:   fmt.Sprintf("%s: %d lines could not be read, the first is line %d: %s", n.name, n.bad.count, n.bad.line, n.bad.text),
			Remedy: "repeat the run, or read it with the version of bench that wrote it",
		})
	}
	return ws
}

// eachLine calls do for every complete line of the stream, without its
// newline. The slice is valid during the call. An error of do marks the line
// as bad; stop ends the walk.
func eachLine(dir, name string, notes *streamNotes, do func(line []byte) (stop bool, err error)) error {
	*notes = streamNotes{name: name}
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s: is a directory", file.Name())
	}
	frames, err := newFrameReader(file, info.Size())
	if err != nil {
		return err
	}
	defer frames.close()
	defer func() {
		notes.truncated, notes.damage, notes.damageAt = frames.truncated, frames.damage, frames.damageAt
	}()
	s := splitter{do: do, notes: notes}
	for {
		content, joined, err := frames.next()
		switch {
		case errors.Is(err, io.EOF):
			s.end(frames.truncated || !joined)
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
		if !joined {
			s.part = s.part[:0] // its other half was in the damage
		}
		if s.split(content) {
			return nil
		}
	}
}

// splitter cuts content into lines. Ours end with a frame; those of a file
// that was compressed anew may go on in the next.
type splitter struct {
	do    func(line []byte) (stop bool, err error)
	notes *streamNotes
	part  []byte
	n     int64
}

func (s *splitter) split(content []byte) (stop bool) {
	for {
		i := bytes.IndexByte(content, '\n')
		if i < 0 {
			if len(s.part)+len(content) <= maxFrameContent {
				s.part = append(s.part, content...)
			}
			return false
		}
		line := content[:i]
		content = content[i+1:]
		if len(s.part) > 0 {
			s.part = append(s.part, line...)
			line = s.part
		}
		stop := s.line(line)
		s.part = s.part[:0]
		if stop {
			return true
		}
	}
}

func (s *splitter) line(line []byte) (stop bool) {
	s.n++
	stop, err := s.do(line)
	if err != nil {
		s.notes.bad.add(s.n, err)
	}
	return stop
}

// end takes a last line without newline: a whole one in a file that was edited
// by hand, a cut one in a file that ends too early.
func (s *splitter) end(cut bool) {
	if len(s.part) > 0 && !cut {
		s.line(s.part)
	}
}
