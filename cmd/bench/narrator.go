package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/term"

	"coldbench/experiment"
)

// narrator writes to stderr what is going on: one line that is redrawn on a
// terminal, a plain line now and then elsewhere.
type narrator struct {
	mu       sync.Mutex
	w        io.Writer
	quiet    bool
	terminal bool
	open     bool // a status line stands without its newline
	last     time.Time
}

func newNarrator(w io.Writer, quiet bool) *narrator {
	return &narrator{w: w, quiet: quiet, terminal: isTerminal(w)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// say writes one line.
func (n *narrator) say(format string, a ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.quiet {
		n.line(format, a...)
	}
}

// tell writes one line that answers the user, wanted or not.
func (n *narrator) tell(format string, a ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.line(format, a...)
}

func (n *narrator) line(format string, a ...any) {
	n.endStatus()
	_, _ = fmt.Fprintln(n.w, experiment.Redact(fmt.Sprintf(format, a...)))
}

// statusEvery is how often status lines appear where they can't be redrawn.
const statusEvery = 5 * time.Second

// status replaces the status line.
func (n *narrator) status(format string, a ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.quiet {
		return
	}
	if n.terminal {
		_, _ = fmt.Fprintf(n.w, "\r\x1b[K"+format, a...)
		n.open = true
		return
	}
	if now := time.Now(); now.Sub(n.last) >= statusEvery {
		n.last = now
		_, _ = fmt.Fprintf(n.w, format+"\n", a...)
	}
}

// done removes the status line.
func (n *narrator) done() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open {
		_, _ = fmt.Fprint(n.w, "\r\x1b[K")
		n.open = false
	}
}

func (n *narrator) endStatus() {
	if n.open {
		_, _ = fmt.Fprintln(n.w)
		n.open = false
	}
}

// apiError keeps of an SDK error what a person needs.
func apiError(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return fmt.Errorf("%s: %s", api.ErrorCode(), experiment.Redact(api.ErrorMessage()))
	}
	var unsent *smithyhttp.RequestSendError
	if errors.As(err, &unsent) {
		return unsent.Err
	}
	return err
}
