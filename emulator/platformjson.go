package emulator

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"coldbench/emulator/telemetry"
)

// The platform's lines in the log format JSON: the events of the Telemetry API.
// Source: AWS Lambda developer guide, "Lambda Telemetry API Event schema
// reference" and "Using JSON format with log-level filtering".

// platformEvent is one line.
type platformEvent struct {
	Time   string `json:"time"`
	Type   string `json:"type"`
	Record any    `json:"record"`
}

// millis is a duration as these events show it: milliseconds, three decimals.
type millis time.Duration

// MarshalJSON implements json.Marshaler.
func (m millis) MarshalJSON() ([]byte, error) {
	ms := math.Round(float64(m)/float64(time.Microsecond)) / 1000
	return strconv.AppendFloat(nil, ms, 'f', -1, 64), nil
}

var _ json.Marshaler = millis(0)

type (
	initStartRecord struct {
		InitializationType string `json:"initializationType"`
		Phase              string `json:"phase"`
		RuntimeVersion     string `json:"runtimeVersion,omitempty"`
		RuntimeVersionArn  string `json:"runtimeVersionArn,omitempty"`
		FunctionName       string `json:"functionName"`
		FunctionVersion    string `json:"functionVersion"`
		InstanceID         string `json:"instanceId"`
		InstanceMaxMemory  int64  `json:"instanceMaxMemory"`
	}
	initReportRecord struct {
		InitializationType string         `json:"initializationType"`
		Phase              string         `json:"phase"`
		Status             string         `json:"status"`
		ErrorType          string         `json:"errorType,omitempty"`
		Metrics            durationMetric `json:"metrics"`
	}
	initDoneRecord struct {
		InitializationType string `json:"initializationType"`
		Phase              string `json:"phase"`
		Status             string `json:"status"`
		ErrorType          string `json:"errorType,omitempty"`
	}
	startRecord struct {
		RequestID string   `json:"requestId"`
		Version   string   `json:"version"`
		Tracing   *tracing `json:"tracing,omitempty"`
		TenantID  string   `json:"tenantId,omitempty"`
	}
	runtimeDoneRecord struct {
		RequestID string            `json:"requestId"`
		Status    string            `json:"status"`
		ErrorType string            `json:"errorType,omitempty"`
		Tracing   *tracing          `json:"tracing,omitempty"`
		Spans     []span            `json:"spans,omitempty"`
		Metrics   runtimeDoneMetric `json:"metrics"`
	}
	reportRecord struct {
		RequestID string       `json:"requestId"`
		Metrics   reportMetric `json:"metrics"`
		Spans     []span       `json:"spans,omitempty"`
		Tracing   *tracing     `json:"tracing,omitempty"`
		Status    string       `json:"status"`
		ErrorType string       `json:"errorType,omitempty"`
		TenantID  string       `json:"tenantId,omitempty"`
	}
	subscriptionRecord struct {
		Name  string   `json:"name"`
		State string   `json:"state"`
		Types []string `json:"types"`
	}
	span struct {
		Name       string `json:"name"`
		Start      string `json:"start"`
		DurationMs millis `json:"durationMs"`
	}
	durationMetric struct {
		DurationMs millis `json:"durationMs"`
	}
	runtimeDoneMetric struct {
		DurationMs    millis `json:"durationMs"`
		ProducedBytes int64  `json:"producedBytes"`
	}
	reportMetric struct {
		DurationMs       millis `json:"durationMs"`
		BilledDurationMs int64  `json:"billedDurationMs"`
		MemorySizeMB     int    `json:"memorySizeMB"`
		MaxMemoryUsedMB  int    `json:"maxMemoryUsedMB"`
		InitDurationMs   millis `json:"initDurationMs,omitempty"`

		RestoreDurationMs       millis `json:"restoreDurationMs,omitempty"`
		BilledRestoreDurationMs int64  `json:"billedRestoreDurationMs,omitempty"`
	}
)

// severity orders the log levels.
var severity = map[string]int{"DEBUG": 0, "INFO": 1, "WARN": 2}

// eventLine is a platform event as a line; "" where the system log level keeps
// it back.
func (e *environment) eventLine(level, kind string, record any) string {
	if severity[level] < severity[e.version.config.SystemLevel] {
		return ""
	}
	now := time.Now().UTC().Format(telemetry.TimeForm)
	return string(encodeJSON(platformEvent{now, "platform." + kind, record})) + "\n"
}

// tell writes a platform event to the log, as text ("" for none) or as JSON, and
// to the extensions that have subscribed, in one order.
func (e *environment) tell(level, kind, text string, record any, audience telemetry.Audience) {
	if e.json() {
		text = e.eventLine(level, kind, record)
	}
	e.logMu.Lock()
	defer e.logMu.Unlock()
	if text != "" {
		e.write(time.Now(), text)
	}
	e.publish("platform."+kind, record, audience)
}

// observed says whether anybody is interested in events as such.
func (e *environment) observed() bool { return e.json() || e.told.Load() != nil }

func (e *environment) json() bool { return e.version.config.LogFormat == "JSON" }

// initStart is the record of the init that has begun last.
func (e *environment) initStart() initStartRecord {
	v := e.version
	r := initStartRecord{
		InitializationType: e.kind, Phase: e.phase, FunctionName: v.function.name, FunctionVersion: v.number,
		InstanceID: e.stream, InstanceMaxMemory: int64(v.config.MemoryMB) << 20,
	}
	if v.code.image == nil { // an image has no runtime version to tell: midrender/examples#25 shows a log of one
		r.RuntimeVersion, r.RuntimeVersionArn = v.runtimeVersion(), v.runtimeARN(e.server.set.Region)
		if m := e.server.set.delay; m != nil {
			r.RuntimeVersion += "-modelled-" + m.Name
		}
	}
	return r
}

// logInitStart and the like write one platform line in the format of the
// function. An init within an invocation has no line in the text format.
func (e *environment) logInitStart(phase string) {
	e.phase, e.initBegan = phase, time.Now()
	record, text := e.initStart(), ""
	if phase == phaseInit && record.RuntimeVersion != "" {
		text = initStartLine(record.RuntimeVersion, record.RuntimeVersionArn)
	}
	if phase == phaseRestore {
		e.logRestoreStart(record)
	} else {
		e.tell("INFO", "initStart", text, record, telemetry.TelemetryAPI)
	}
	if len(e.version.externalExtensions()) > 0 {
		e.openTelemetry()
	}
}

// logInitDone writes that the runtime has come to the end of its init.
func (e *environment) logInitDone(f *failure) {
	if !e.observed() {
		return
	}
	if e.phase == phaseRestore {
		e.logRestoreDone(f)
		return
	}
	status, errorType, level := f.words("DEBUG")
	e.tell(level, "initRuntimeDone", "", initDoneRecord{e.kind, e.phase, status, errorType}, telemetry.TelemetryAPI)
}

// logInitReport writes what became of the init. The text format has no line for
// one that went well, unless it was ahead of requests.
func (e *environment) logInitReport(d time.Duration, f *failure) {
	if e.phase == phaseRestore {
		e.logRestoreReport(d, f)
		return
	}
	ahead := e.kind != onDemand
	text, well := "", "DEBUG"
	if ahead {
		well = "INFO"
	}
	switch {
	case f != nil:
		text = initReport{Duration: d, Phase: e.phase, Status: f.status, ErrorType: f.errorType}.String()
	case ahead:
		text = initReport{Duration: d}.String()
	case !e.observed():
		return
	}
	status, errorType, level := f.words(well)
	e.tell(level, "initReport", text, initReportRecord{e.kind, e.phase, status, errorType, durationMetric{millis(d)}}, telemetry.TelemetryAPI)
}

// words are a failure's status, error type and log level, or those of success.
func (f *failure) words(well string) (status, errorType, level string) {
	if f == nil {
		return "success", "", well
	}
	return f.status, f.errorType, "WARN"
}

// logExtensions writes what has become of each extension in the init.
func (e *environment) logExtensions(x *extensions) {
	for _, s := range x.summaries() {
		text := "EXTENSION\tName: " + s.Name + "\tState: " + string(s.State) + "\tEvents: [" + strings.Join(s.Events, ", ") + "]"
		if s.ErrorType != "" {
			text += "\tError Type: " + s.ErrorType
		}
		e.tell("INFO", "extension", text+"\n", s, telemetry.All)
	}
}

// logStart writes the first line of an invocation and begins its tail.
func (e *environment) logStart(inv *invocation) {
	if !e.observed() {
		e.openTail(inv.wantTail, startLine(inv.id, e.version.number))
		return
	}
	record := startRecord{inv.id, e.version.number, e.tracing(inv), inv.tenant}
	text := startLine(inv.id, e.version.number)
	if e.json() {
		text = e.eventLine("INFO", "start", record)
	}
	e.openTail(inv.wantTail, text)
	e.publish("platform.start", record, telemetry.All)
}

// tracing is the X-Ray header of an invocation that is sampled, with the segment
// that the caller was in. There is no segment of Lambda's own here, so that its
// Parent is the caller's too.
func (e *environment) tracing(inv *invocation) *tracing {
	t := xray(inv.trace)
	sampled := false
	for part := range strings.SplitSeq(inv.trace, ";") {
		switch k, v, _ := strings.Cut(part, "="); k {
		case "Sampled":
			sampled = v == "1"
		case "Parent":
			t.SpanID = v
		}
	}
	if !sampled {
		return nil
	}
	return t
}

// logReport writes the REPORT of the text format in the style that is asked for.
func (e *environment) logReport(r report) {
	now := time.Now()
	if e.server.set.LogStyle != styleOld {
		e.log(now, r.String())
		return
	}
	line, behind := r.old(now)
	e.log(now, line)
	if behind != "" {
		e.log(now, behind)
	}
}

// logRuntimeDone tells that the runtime has done its part of an invocation.
func (e *environment) logRuntimeDone(inv *invocation, o *outcome, dispatch time.Time) {
	if o.done || !e.observed() {
		return
	}
	o.done = true
	status, level := o.status, "WARN"
	if status == "" {
		status, level = "success", "DEBUG"
	}
	record := runtimeDoneRecord{inv.id, status, o.errorType, e.tracing(inv), o.spans(dispatch), runtimeDoneMetric{millis(o.end.Sub(dispatch)), o.produced(inv)}}
	e.tell(level, "runtimeDone", "", record, telemetry.TelemetryAPI)
	e.publish("platform.runtimeDone", struct {
		RequestID string `json:"requestId"`
		Status    string `json:"status"`
	}{inv.id, status}, telemetry.NewLogsAPI)
}

// logEnd writes END and REPORT, or report.
func (e *environment) logEnd(inv *invocation, r report, o *outcome) {
	if !e.json() {
		e.log(time.Now(), endLine(r.RequestID))
		e.logReport(r)
	}
	if !e.observed() {
		return
	}
	status, level := r.Status, "WARN"
	if status == "" {
		status, level = "success", "INFO"
	}
	metrics := reportMetric{DurationMs: millis(r.Duration), BilledDurationMs: r.billed(), MemorySizeMB: r.MemoryMB, MaxMemoryUsedMB: min(r.PeakMB, r.MemoryMB), InitDurationMs: millis(r.Init)}
	if r.Restore != nil {
		metrics.RestoreDurationMs, metrics.BilledRestoreDurationMs = millis(r.Restore.took), r.Restore.billedMs()
	}
	record := reportRecord{r.RequestID, metrics, o.extensionSpan(), e.tracing(inv), status, r.ErrorType, inv.tenant}
	if e.json() {
		e.tell(level, "report", "", record, telemetry.TelemetryAPI)
	} else {
		e.publish("platform.report", record, telemetry.TelemetryAPI)
	}
	if o.message != "" {
		e.publish("platform.fault", "RequestId: "+r.RequestID+" Error: "+o.message+"\n"+r.ErrorType+"\n", telemetry.LogsAPI)
	}
	e.publish("platform.end", struct {
		RequestID string `json:"requestId"`
	}{r.RequestID}, telemetry.LogsAPI)
	e.publish("platform.report", struct {
		RequestID string       `json:"requestId"`
		Metrics   reportMetric `json:"metrics"`
	}{r.RequestID, metrics}, telemetry.LogsAPI)
}
