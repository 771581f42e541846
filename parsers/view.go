package parsers

import (
	"time"

	"coldbench/record"
)

// View is a platform record whose texts are slices of the buffer it was read
// from. Filling one allocates nothing. The slices are valid as long as the
// source of the View says; Platform makes a copy that lives on.
//
// The fields mean what the fields of record.Platform of the same name mean. An
// absent text is nil. The zero value is an empty record.
type View struct {
	Kind record.PlatformKind

	RequestID               []byte
	DurationMs              record.Opt[float64]
	BilledDurationMs        record.Opt[float64]
	MemorySizeMB            record.Opt[float64]
	MaxMemoryUsedMB         record.Opt[float64]
	InitDurationMs          record.Opt[float64]
	RestoreDurationMs       record.Opt[float64]
	BilledRestoreDurationMs record.Opt[float64]
	Status                  []byte
	ErrorType               []byte
	XRayTraceID             []byte
	XRaySegmentID           []byte
	XRaySampled             record.Opt[bool]
	Phase                   []byte
	RuntimeVersion          []byte
	RuntimeVersionARN       []byte
	Timestamp               time.Time // UTC

	// InitializationType is "on-demand", "provisioned-concurrency",
	// "snap-start" or "lambda-managed-instances" where a line says it. It is
	// evidence of how the environment started, and no field of its own in
	// record.Platform.
	InitializationType []byte

	LogStream []byte // from the envelope or the prefix of the line

	// What a Pairing decided of a REPORT; "" before.
	Start     record.Start
	StartRule string

	Emulator  bool // a shape that only an emulator prints
	Truncated bool // the line was cut at its end

	Pos record.Pos
	Raw []byte // the event's text, verbatim
}

// Platform copies the View into p, which then shares nothing with it.
func (v *View) Platform(p *record.Platform) {
	*p = record.Platform{
		Kind:                    v.Kind,
		RequestID:               string(v.RequestID),
		DurationMs:              v.DurationMs,
		BilledDurationMs:        v.BilledDurationMs,
		MemorySizeMB:            v.MemorySizeMB,
		MaxMemoryUsedMB:         v.MaxMemoryUsedMB,
		InitDurationMs:          v.InitDurationMs,
		RestoreDurationMs:       v.RestoreDurationMs,
		BilledRestoreDurationMs: v.BilledRestoreDurationMs,
		Status:                  word(v.Status),
		ErrorType:               word(v.ErrorType),
		XRayTraceID:             string(v.XRayTraceID),
		XRaySegmentID:           string(v.XRaySegmentID),
		XRaySampled:             v.XRaySampled,
		Phase:                   word(v.Phase),
		RuntimeVersion:          string(v.RuntimeVersion),
		RuntimeVersionARN:       string(v.RuntimeVersionARN),
		Timestamp:               v.Timestamp,
		LogStream:               string(v.LogStream),
		Start:                   v.Start,
		StartRule:               v.StartRule,
		Emulator:                v.Emulator,
		Truncated:               v.Truncated,
		Pos:                     v.Pos,
		Raw:                     string(v.Raw),
	}
}

// word copies a text that is nearly always one of a few constants.
func word(b []byte) string {
	switch string(b) {
	case "":
		return ""
	case "success":
		return "success"
	case "error":
		return "error"
	case "timeout":
		return "timeout"
	case "failure":
		return "failure"
	case "init":
		return "init"
	case "invoke":
		return "invoke"
	}
	return string(b)
}

// Kinds of JSON lines. Text lines have the kinds of package record.
const (
	kindJSONInitStart          record.PlatformKind = "platform.initStart"
	kindJSONInitRuntimeDone    record.PlatformKind = "platform.initRuntimeDone"
	kindJSONInitReport         record.PlatformKind = "platform.initReport"
	kindJSONStart              record.PlatformKind = "platform.start"
	kindJSONRuntimeDone        record.PlatformKind = "platform.runtimeDone"
	kindJSONReport             record.PlatformKind = "platform.report"
	kindJSONEnd                record.PlatformKind = "platform.end"
	kindJSONFault              record.PlatformKind = "platform.fault"
	kindJSONRestoreStart       record.PlatformKind = "platform.restoreStart"
	kindJSONRestoreRuntimeDone record.PlatformKind = "platform.restoreRuntimeDone"
	kindJSONRestoreReport      record.PlatformKind = "platform.restoreReport"
	kindJSONExtension          record.PlatformKind = "platform.extension"
	kindJSONTelemetry          record.PlatformKind = "platform.telemetrySubscription"
	kindJSONLogs               record.PlatformKind = "platform.logsSubscription"
	kindJSONLogsDropped        record.PlatformKind = "platform.logsDropped"
	kindJSONOther              record.PlatformKind = "platform.other"
)

// TextKind is the kind of the text line that says the same as a JSON line of
// the given kind, or the kind itself where there is none: platform.report is
// "report", platform.runtimeDone stays what it is.
func TextKind(k record.PlatformKind) record.PlatformKind {
	switch k {
	case kindJSONReport:
		return record.KindReport
	case kindJSONStart:
		return record.KindStart
	case kindJSONEnd:
		return record.KindEnd
	case kindJSONInitStart:
		return record.KindInitStart
	case kindJSONInitReport:
		return record.KindInitReport
	case kindJSONRestoreReport:
		return record.KindRestoreReport
	}
	return k
}

// IsReport says whether the record closes an invocation: a REPORT line or a
// platform.report.
func (v *View) IsReport() bool {
	return v.Kind == record.KindReport || v.Kind == kindJSONReport
}
