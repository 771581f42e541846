package lambda_test

import (
	"net/http"
	"testing"

	"coldbench/loadgen"
	"coldbench/record"
)

// BenchmarkPrepare is the work for one request ahead of its due time:
// serialising and signing.
func BenchmarkPrepare(b *testing.B) {
	tgt := target(b, http.NotFoundHandler())
	payload := []byte(`{"key":"value"}`)
	b.ReportAllocs()
	for b.Loop() {
		tgt.Prepare(b.Context(), loadgen.Request{Payload: payload}).Discard()
	}
}

// BenchmarkInvoke is one warm request after another on one kept connection,
// the server's work included. In "signed ahead" signing is left out: it is the
// work from the due time on.
func BenchmarkInvoke(b *testing.B) {
	tgt := target(b, answer(200, map[string]string{"X-Amz-Executed-Version": "$LATEST"}, `{"ok":true}`))
	request := loadgen.Request{Payload: []byte(`{"key":"value"}`)}
	ok := func(r loadgen.Reply) {
		if r.Outcome != record.OK {
			b.Fatalf("%+v", r)
		}
	}
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ok(tgt.Invoke(b.Context(), request))
		}
	})
	b.Run("signed ahead", func(b *testing.B) {
		b.ReportAllocs()
		const batch = 64
		var signed []loadgen.Prepared
		for b.Loop() {
			if len(signed) == 0 {
				b.StopTimer()
				for range batch {
					signed = append(signed, tgt.Prepare(b.Context(), request))
				}
				b.StartTimer()
			}
			p := signed[len(signed)-1]
			signed = signed[:len(signed)-1]
			p.(loadgen.Starter).Start()
			ok(p.Send(b.Context()))
		}
		b.StopTimer()
		for _, p := range signed {
			p.Discard()
		}
	})
}
