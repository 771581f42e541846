package emulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEventSchema: each record has the attributes of the developer guide's "Lambda
// Telemetry API Event schema reference", and no others but those behind "also",
// which real logs and the platform's published runtime interface emulator have.
func TestEventSchema(t *testing.T) {
	now := time.Now()
	spans := []span{newSpan("responseLatency", now, now.Add(time.Millisecond))}
	trace := &tracing{"54565fb41ac79632", "X-Amzn-Trace-Id", "Root=1"}
	one := durationMetric{millis(time.Millisecond)}
	metrics := reportMetric{1, 1, 1, 1, 1, 1, 1}
	for _, c := range []struct {
		event      string
		record     any
		documented string
	}{
		{"initStart", initStartRecord{onDemand, phaseInit, "v", "arn", "f", "1", "s", 1}, "functionName functionVersion initializationType instanceId instanceMaxMemory phase runtimeVersion runtimeVersionArn"},
		{"initRuntimeDone", initDoneRecord{onDemand, phaseInit, statusError, errorExit}, "initializationType phase status also errorType"},
		{"initReport", initReportRecord{onDemand, phaseInit, statusError, errorExit, one}, "errorType initializationType metrics phase status"},
		{"start", startRecord{"id", "1", trace, "blue"}, "requestId tracing version also tenantId"},
		{"runtimeDone", runtimeDoneRecord{"id", statusError, errorExit, trace, spans, runtimeDoneMetric{1, 1}}, "errorType metrics requestId spans status tracing"},
		{"report", reportRecord{"id", metrics, spans, trace, statusError, errorExit, "blue"}, "metrics requestId spans status tracing also errorType tenantId"},
		{"restoreStart", restoreStartRecord{"v", "arn", "f", "1", "s", 1}, "functionName functionVersion instanceId instanceMaxMemory runtimeVersion runtimeVersionArn"},
		{"restoreRuntimeDone", restoreDoneRecord{statusError, errorExit}, "errorType status"},
		{"restoreReport", restoreReportRecord{statusError, errorExit, one}, "errorType metrics status"},
		{"telemetrySubscription", subscriptionRecord{"x", "Subscribed", nil}, "name state types"},
		{"metrics of report", metrics, "billedDurationMs durationMs initDurationMs maxMemoryUsedMB memorySizeMB restoreDurationMs also billedRestoreDurationMs"},
		{"metrics of runtimeDone", runtimeDoneMetric{1, 1}, "durationMs producedBytes"},
		{"span", spans[0], "durationMs name start"},
		{"trace context", trace, "spanId type value"},
	} {
		var got map[string]any
		if err := json.Unmarshal(encodeJSON(c.record), &got); err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(strings.Fields(strings.ReplaceAll(c.documented, " also ", " "))))
		if attributes := slices.Sorted(maps.Keys(got)); !slices.Equal(attributes, want) {
			t.Errorf("%s: %v, want %v", c.event, attributes, want)
		}
	}
}

// TestTracingOfEvents: only what is sampled shows its trace.
func TestTracingOfEvents(t *testing.T) {
	e := &environment{}
	for trace, span := range map[string]string{"Root=1-a;Parent=b;Sampled=1": "b", "Sampled=1;Root=1-a": "", "Root=1-a;Parent=b;Sampled=0": "none", "": "none"} {
		got := "none"
		if x := e.tracing(&invocation{trace: trace}); x != nil {
			got = x.SpanID
		}
		if got != span {
			t.Errorf("%q: span %q, want %q", trace, got, span)
		}
	}
	for mode, want := range map[string]bool{"Active": true, "PassThrough": false} {
		v := &version{config: config{Tracing: mode}}
		if got := strings.Contains(v.newTrace(time.Now()), ";Sampled=1;"); got != want {
			t.Errorf("%s: sampled %v", mode, got)
		}
	}
}
