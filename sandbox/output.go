package sandbox

import (
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// output is the plumbing from the process to Spec.Stdout and Spec.Stderr.
type output struct {
	null   *os.File    // stdin, and any stream that is discarded
	reads  []*os.File  // our ends
	to     []io.Writer // where each of reads goes
	writes [2]*os.File // the process's ends of stdout and stderr
	given  []*os.File  // those of writes that are the caller's own
}

func openOutput(stdout, stderr io.Writer) (*output, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	o := &output{null: null}
	if o.writes[0], err = o.open(stdout); err != nil {
		o.abandon()
		return nil, err
	}
	if sameWriter(stdout, stderr) {
		o.writes[1] = o.writes[0]
		return o, nil
	}
	if o.writes[1], err = o.open(stderr); err != nil {
		o.closeChildEnds()
		o.abandon()
		return nil, err
	}
	return o, nil
}

func (o *output) open(w io.Writer) (*os.File, error) {
	if w == nil {
		return o.null, nil
	}
	if f, ok := w.(*os.File); ok {
		o.given = append(o.given, f)
		return f, nil
	}
	r, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o.reads, o.to = append(o.reads, r), append(o.to, w)
	return pw, nil
}

func (o *output) files() []uintptr {
	return []uintptr{o.null.Fd(), o.writes[0].Fd(), o.writes[1].Fd()}
}

// closeChildEnds closes what only the process needs.
func (o *output) closeChildEnds() {
	for i, w := range o.writes {
		if w != nil && w != o.null && (i == 0 || w != o.writes[0]) && !slices.Contains(o.given, w) {
			_ = w.Close()
		}
	}
	_ = o.null.Close()
}

// abandon closes our ends of a start that came to nothing.
func (o *output) abandon() {
	_ = o.null.Close()
	for _, r := range o.reads {
		_ = r.Close()
	}
}

// pump copies until every process of the environment has closed its end.
func (o *output) pump(running *sync.WaitGroup) {
	for i, r := range o.reads {
		to := o.to[i]
		running.Go(func() {
			defer func() { _ = r.Close() }()
			copyOutput(to, r)
		})
	}
}

// expire ends the copying at an instant, whoever still holds the other ends.
func (o *output) expire(at time.Time) {
	for _, r := range o.reads {
		_ = r.SetReadDeadline(at)
	}
}

// copyOutput is io.Copy with a small buffer, which counts with a thousand idle
// environments, and without an end at the first error of w: a function must
// not block because nobody reads its log.
func copyOutput(w io.Writer, r io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			_, _ = w.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// sameWriter reports whether both are one comparable writer.
func sameWriter(a, b io.Writer) (same bool) {
	defer func() {
		if recover() != nil {
			same = false // a writer of a type that cannot be compared
		}
	}()
	return a != nil && a == b
}
