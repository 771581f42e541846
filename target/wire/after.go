package wire

import "context"

// AfterFunc is context.AfterFunc without a context of its own in between, where
// ctx has the method that context.AfterFunc would call.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if own, ok := ctx.(interface {
		AfterFunc(f func()) func() bool
	}); ok {
		return own.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}
