package emulator

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
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
		RuntimeVersion     string `json:"runtimeVersion"`
		RuntimeVersionArn  string `json:"runtimeVersionArn"`
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
	startRecord struct {
		RequestID string `json:"requestId"`
		Version   string `json:"version"`
	}
	runtimeDoneRecord struct {
		RequestID string            `json:"requestId"`
		Status    string            `json:"status"`
		ErrorType string            `json:"errorType,omitempty"`
		Metrics   runtimeDoneMetric `json:"metrics"`
	}
	reportRecord struct {
		RequestID string       `json:"requestId"`
		Metrics   reportMetric `json:"metrics"`
		Status    string       `json:"status"`
		ErrorType string       `json:"errorType,omitempty"`
	}
	durationMetric struct {
		DurationMs millis `json:"durationMs"`
	}
	runtimeDoneMetric struct {
		DurationMs    millis `json:"durationMs"`
		ProducedBytes int    `json:"producedBytes"`
	}
	reportMetric struct {
		DurationMs       millis `json:"durationMs"`
		BilledDurationMs int64  `json:"billedDurationMs"`
		MemorySizeMB     int    `json:"memorySizeMB"`
		MaxMemoryUsedMB  int    `json:"maxMemoryUsedMB"`
		InitDurationMs   millis `json:"initDurationMs,omitempty"`
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
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	return string(encodeJSON(platformEvent{now, "platform." + kind, record})) + "\n"
}

func (e *environment) logEvent(level, kind string, record any) {
	if line := e.eventLine(level, kind, record); line != "" {
		e.log(time.Now(), line)
	}
}

func (e *environment) json() bool { return e.version.config.LogFormat == "JSON" }

// logInitStart and the like write one platform line in the format of the
// function.
func (e *environment) logInitStart(phase string) {
	v := e.version
	if v.code.image != nil {
		return // an image has no runtime version to tell: midrender/examples#25 shows a log of one
	}
	runtime, arn := v.runtimeVersion(), v.runtimeARN(e.server.set.Region)
	if !e.json() {
		e.log(time.Now(), initStartLine(runtime, arn))
		return
	}
	e.logEvent("INFO", "initStart", initStartRecord{
		e.kind, phase, runtime, arn, v.function.name, v.number, e.stream, int64(v.config.MemoryMB) << 20,
	})
}

func (e *environment) logInitReport(r initReport) {
	if !e.json() {
		e.log(time.Now(), r.String())
		return
	}
	level, phase, status := "DEBUG", r.Phase, r.Status
	if status == "" {
		phase, status = phaseInit, "success"
	} else {
		level = "WARN"
	}
	e.logEvent(level, "initReport", initReportRecord{e.kind, phase, status, r.ErrorType, durationMetric{millis(r.Duration)}})
}

// startLine is the first line of an invocation.
func (e *environment) startLine(id string) string {
	if !e.json() {
		return startLine(id, e.version.number)
	}
	return e.eventLine("INFO", "start", startRecord{id, e.version.number})
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

// logEnd writes END and REPORT, or runtimeDone and report.
func (e *environment) logEnd(r report, produced int) {
	if !e.json() {
		e.log(time.Now(), endLine(r.RequestID))
		e.logReport(r)
		return
	}
	status, done, level := r.Status, "DEBUG", "INFO"
	if status == "" {
		status = "success"
	} else {
		done, level = "WARN", "WARN"
	}
	e.logEvent(done, "runtimeDone", runtimeDoneRecord{r.RequestID, status, r.ErrorType, runtimeDoneMetric{millis(r.Duration), produced}})
	e.logEvent(level, "report", reportRecord{r.RequestID, reportMetric{
		millis(r.Duration), r.billed(), r.MemoryMB, min(r.PeakMB, r.MemoryMB), millis(r.Init),
	}, status, r.ErrorType})
}
