package emulator

import (
	"context"
	"testing"
	"time"
)

// FuzzStoredFunction: whatever document is accepted makes a function or an event,
// whose own document is accepted too.
func FuzzStoredFunction(f *testing.F) {
	s, err := New(Options{Limits: "off"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(context.Background()) })
	f.Add([]byte(`{"schema":"coldbench.lambda/v1","name":"f","versions_ever":1,"latest_equals":"1","tags":{"a":"b"},"reserved_concurrency":3,` +
		`"latest":{"number":"$LATEST","config":{"runtime":"provided.al2023","timeout_ms":3000,"memory_mb":128,"ephemeral_mb":512,"log_group":"/aws/lambda/f"},"code_sha256":"x","code_bytes":1,"revision":"r","settled_revision":"s","modified":"2026-11-23T00:00:00Z"},` +
		`"published":[{"number":"1","config":{"timeout_ms":3000,"memory_mb":128,"ephemeral_mb":512,"log_group":"/aws/lambda/f"},"local":true,"code_sha256":"","code_bytes":0,"revision":"r","settled_revision":"s","modified":"2026-11-23T00:00:00Z"}],` +
		`"aliases":[{"name":"live","version":"1","weights":{"1":0.5},"revision":"r"}],"event_invoke_configs":{"live":{"retries":1,"modified":"2026-11-23T00:00:00Z"}},` +
		`"urls":[{"id":"u","qualifier":"live","base":"http://h","auth":"NONE","created":"2026-11-23T00:00:00Z","changed":"2026-11-23T00:00:00Z"}]}`))
	f.Add([]byte(`{"schema":"coldbench.lambda/v1","name":"l","versions_ever":3,"versions":[{"number":2,"code_sha256":"x","created":"2026-11-23T00:00:00Z","policy":{"revision":"r","statements":[{"Sid":"a"}]}}]}`))
	f.Add([]byte(`{"schema":"coldbench.lambda/v1","request_id":"01234567-89ab-4def-8123-456789abcdef","function":"f","arn":"a","trace":"t","rules":{"modified":"2026-11-23T00:00:00Z"},"accepted":"2026-11-23T00:00:00Z","payload":"e30=","payload_crc32":2745614147}`))
	f.Add([]byte(`{"schema":"coldbench.lambda/v1"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := parseStoredLayer(b); err == nil && len(l.Versions) > l.Count {
			t.Errorf("a layer with %d of %d versions", len(l.Versions), l.Count)
		}
		if d, err := parseStoredEvent(b); err == nil {
			if _, err := parseStoredEvent(encodeJSON(d.event().store())); err != nil {
				t.Errorf("the document of a restored event is refused: %v", err)
			}
		}
		doc, err := parseStored(b)
		if err != nil {
			return
		}
		doc.Latest.Provisioned = nil
		codes := map[string]*code{doc.Latest.CodeSha256: {sha256: doc.Latest.CodeSha256}}
		for i := range doc.Published {
			v := &doc.Published[i]
			v.Snapshot = &storedSnapshot{Status: "error"} // runs nothing
			v.Provisioned, codes[v.CodeSha256] = nil, &code{sha256: v.CodeSha256}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.revive(doc, revival{codes: codes}); err != nil {
			return
		}
		fn := s.functions[doc.Name]
		for _, v := range fn.all() {
			s.describe(v, "")
			v.active(time.Now())
		}
		if _, err := parseStored(encodeJSON(storeFunction(fn))); err != nil {
			t.Errorf("its own document is refused: %v", err)
		}
	})
}
