package emulator_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"coldbench/emulator"
	"coldbench/sandbox"

	"github.com/aws/smithy-go"
)

// shortOf is a sandbox that lacks something at its first start.
type shortOf struct {
	*observed
	starts atomic.Int64
}

func (s *shortOf) Start(ctx context.Context, spec sandbox.Spec) (emulator.Process, error) {
	if s.starts.Add(1) == 1 {
		return nil, errors.New("no free loop device")
	}
	return s.observed.Start(ctx, spec)
}

// A start that this machine can't do is told, and never tried again in the time
// of the function.
func TestFaultOfTheMachine(t *testing.T) {
	host, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	short := &shortOf{observed: &observed{host: host}}
	b := newBed(t, emulator.Options{Sandbox: short})
	b.install(emulator.LocalFunction{})
	_, err = b.try("fn", order{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ServiceException" || !strings.Contains(api.ErrorMessage(), "no free loop device") {
		t.Errorf("got %v", err)
	}
	if n := short.starts.Load(); n != 1 {
		t.Errorf("%d starts for one request", n)
	}
	if a := b.invoke(order{Text: "fine"}); a.failed != "" || !strings.Contains(a.log, "Init Duration") {
		t.Errorf("after it: %+v", a)
	}
}
