package record

import (
	"bytes"
	"encoding/json"
)

// Opt is a value that may be absent. The zero value is absent. Absent is never
// read as 0.
type Opt[T any] struct {
	Value T
	Valid bool
}

// Some returns a present value.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Valid: true} }

// IsZero reports absence, so that `omitzero` leaves the key out.
func (o Opt[T]) IsZero() bool { return !o.Valid }

// MarshalJSON writes the value alone, or null where it is absent.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.Valid {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON reads what MarshalJSON writes: null is absent, anything else
// has to be a T.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	var v T
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		*o = Opt[T]{}
		return nil
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*o = Some(v)
	return nil
}
