package record

import (
	"math"
	"reflect"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// hostile are strings that break careless encoders.
var hostile = []string{
	"", "a", `"`, `\`, "\x00", "\x1f", "\x7f", "\n\r\t\b\f", "</script>&", "\u2028\u2029", "\ufffd",
	"\xff", "a\xc3", "\xe2\x80", "\xed\xa0\x80", "日本語", "😀", "\xf4\x90\x80\x80", "a,\"b\":1}",
}

func drawString(t *rapid.T) string {
	if rapid.Bool().Draw(t, "hostile") {
		return rapid.SampledFrom(hostile).Draw(t, "s") + rapid.SampledFrom(hostile).Draw(t, "s")
	}
	return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "bytes"))
}

func drawInt(t *rapid.T, bits int) int64 {
	edge := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 999_999_999_999_999_999, 1_000_000_000_000_000_000}
	v := rapid.Int64().Draw(t, "v")
	if rapid.Bool().Draw(t, "edge") {
		v = rapid.SampledFrom(edge).Draw(t, "edge value")
	}
	if bits == 32 {
		return int64(int32(v))
	}
	return v
}

// fill sets every field that v reaches, half of them to zero, so that a field
// that is added later is tested without a change here.
func fill(t *rapid.T, v reflect.Value) {
	if _, ok := v.Interface().(time.Time); ok {
		if sec := rapid.Int64Range(0, 4e9).Draw(t, "sec"); sec > 1e9 {
			v.Set(reflect.ValueOf(time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, "nsec")).UTC()))
		}
		return
	}
	if v.Kind() != reflect.Struct && rapid.Bool().Draw(t, "zero") {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
		// An absent value has no value.
		if f := v.FieldByName("Valid"); f.IsValid() && !f.Bool() {
			v.SetZero()
		}
	case reflect.String:
		v.SetString(drawString(t))
	case reflect.Int, reflect.Int64:
		v.SetInt(drawInt(t, v.Type().Bits()))
	case reflect.Float64:
		v.SetFloat(float64(rapid.Int64Range(-1e6, 1e12).Draw(t, "f")) / 100)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no random value for a %s", v.Type())
	}
}

// random draws any value of T.
func random[T any](label string) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T {
		var v T
		fill(t, reflect.ValueOf(&v).Elem())
		return v
	})
}

// anyRow draws a row with a valid outcome.
func anyRow() *rapid.Generator[Invocation] {
	return rapid.Custom(func(t *rapid.T) Invocation {
		row := random[Invocation]("row").Draw(t, "row")
		row.Outcome = rapid.SampledFrom(Outcomes).Draw(t, "outcome")
		return row
	})
}

// typicalRow is what a warm invocation through the Lambda API looks like.
func typicalRow(seq int64) Invocation {
	at := time.Duration(seq) * 10 * time.Millisecond
	return Invocation{
		Seq: seq, Tag: TagBase, Intended: at, Sent: at + 61*time.Microsecond, FirstByte: at + 4_211*time.Microsecond, Done: at + 4_307*time.Microsecond,
		Outcome: OK, Status: 200, RequestID: "8f5a1f0e-6b1d-4f0b-9b57-0c6c8e8d5a11", Version: "$LATEST", RequestBytes: 2, ResponseBytes: 187,
		Conn: Conn{Reused: true, Wait: 4_102 * time.Microsecond},
	}
}

// keysOf lists the JSON keys of a struct.
func keysOf[T any]() []string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key != "" && key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}
