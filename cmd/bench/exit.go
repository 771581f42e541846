package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"coldbench/experiment"
)

// Exit statuses, the same for every verb.
const (
	exitDone       = 0
	exitError      = 1
	exitUsage      = 2
	exitInvalid    = 3 // the run is not valid to quote
	exitRegression = 4 // a gate or a comparison fired

	// exitInterrupted is 128 and the number of SIGINT, as shells have it, so that
	// a script ends where its user wanted it to.
	exitInterrupted = 130
)

// usageError is a mistake in how bench was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, a ...any) error { return &usageError{fmt.Errorf(format, a...)} }

// hintError adds the next step to an error.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func withHint(err error, format string, a ...any) error {
	return &hintError{err: err, hint: fmt.Sprintf(format, a...)}
}

// errInvalid ends a verb whose report has already said why.
var errInvalid = errors.New("the run is not valid to quote")

// errEndedEarly ends a load verb after the report of a load that a signal cut.
var errEndedEarly = errors.New("interrupted")

// report prints an error once, with its hint, and returns the exit status.
func report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errEndedEarly) {
		return exitInterrupted
	}
	if errors.Is(err, errInvalid) {
		return exitInvalid
	}
	if errors.Is(err, errUserNamespace) {
		return exitError // the parent knows what to do
	}
	w := cmd.ErrOrStderr()
	_, _ = fmt.Fprintf(w, "bench: %s\n", experiment.Redact(err.Error()))
	var hint *hintError
	if errors.As(err, &hint) {
		_, _ = fmt.Fprintf(w, "  try: %s\n", hint.hint)
	}
	var usage *usageError
	if errors.As(err, &usage) {
		_, _ = fmt.Fprintf(w, "  see: %s --help\n", cmd.CommandPath())
		return exitUsage
	}
	if errors.Is(err, errNothingSent) {
		return exitInterrupted
	}
	return exitError
}
