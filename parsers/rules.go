package parsers

import (
	"time"

	"coldbench/record"
)

// The rules by which the stream level decides how the environment behind a
// REPORT had started. They are stable names, in Platform.StartRule.
//
// Sources: the order INIT_START, INIT_REPORT, START, END, REPORT and the init
// that is redone after a reset are in docs.aws.amazon.com/lambda/latest/dg/
// lambda-runtime-environment.html and telemetry-schema-reference.html; that
// provisioned concurrency and SnapStart print INIT_REPORT always, and
// on-demand functions after a failed init alone, was read from public logs.
const (
	// cold: the REPORT has an Init Duration.
	RuleInitDuration = record.RuleInitDuration
	// cold: an init line stands before the START, and the REPORT of the whole
	// init has no Init Duration, for it did not come to be printed.
	RuleInitLine = "init_line"
	// cold without Init Duration: the init failed or timed out, or the
	// environment was reset after a time-out or a crash; the init was run again
	// within the invocation, and Duration contains it.
	RuleSuppressedInit = "suppressed_init"
	// cold: the init ran, but ended more than a second before the START. Lambda
	// had started the environment ahead. The request is its first, and did not
	// wait for the init.
	RuleProactiveInit = "proactive_init"
	// restored: the REPORT has a Restore Duration.
	RuleRestoreDuration = record.RuleRestoreDuration
	// restored: a RESTORE line stands before the START.
	RuleRestoreLine = "restore_line"
	// provisioned: the init's line says provisioned-concurrency.
	RuleProvisionedType = "initialization_type"
	// provisioned: an INIT_REPORT of an init that did not fail.
	RuleProvisionedInit = "init_report_success"
	// provisioned: the init's line says lambda-managed-instances.
	RuleManagedInstance = "managed_instance"
	// warm: the same log stream has served an invocation before.
	RuleServedBefore = "served_before"
	// warm: a whole REPORT without Init Duration, in a stream that shows no
	// init.
	RuleNoInitDuration = record.RuleNoInitDuration
	// unknown: the REPORT was cut; an Init Duration may be lost.
	RuleTruncated = record.RuleTruncated
	// unknown: it failed, has no Init Duration, and nothing before it is known;
	// a failed init prints none.
	RuleFailedUnseen = "failed_start_unseen"
	// unknown: a REPORT that has no room for an Init Duration (Managed
	// Instances), in a stream whose beginning is not known.
	RuleNoEvidence = "no_evidence"
	// unknown: the REPORT has an Init Duration, but the stream served before
	// and shows no second init.
	RuleDisagree = record.RuleDisagree
)

// Notes that follow a rule, behind "; ", where a REPORT was accepted although
// lines that belong to it are missing from the log.
const (
	NoteNoStart = "START line not in the log"
	NoteNoEnd   = "END line not in the log"
)

// proactiveGap is how long before its first START an init must have ended to
// have been nobody's wait. The lines of a cold start lie milliseconds apart.
const proactiveGap = time.Second

// classify decides the Start of an accepted REPORT.
func (s *stream) classify(v *View, inv *invocation) (record.Start, string) {
	e := &inv.evidence
	switch {
	case v.RestoreDurationMs.Valid:
		return record.StartRestored, RuleRestoreDuration
	case e.restore:
		return record.StartRestored, RuleRestoreLine
	case e.initType == initProvisioned:
		return record.StartProvisioned, RuleProvisionedType
	case e.initType == initManaged:
		return record.StartProvisioned, RuleManagedInstance
	case e.bareReport && !e.failed && e.initType == "":
		return record.StartProvisioned, RuleProvisionedInit
	case e.ahead(v, inv.startAt):
		return record.StartCold, RuleProactiveInit
	case v.InitDurationMs.Valid:
		if s.one && s.inits > 0 && s.served > 0 && !e.init && !e.failed {
			return record.StartUnknown, RuleDisagree
		}
		return record.StartCold, RuleInitDuration
	case e.failed, e.init && s.crashed:
		return record.StartCold, RuleSuppressedInit
	case e.init:
		return record.StartCold, RuleInitLine
	}
	return s.classifyWithoutInit(v)
}

// classifyWithoutInit decides where neither the REPORT nor the lines before it
// show an init.
func (s *stream) classifyWithoutInit(v *View) (record.Start, string) {
	switch {
	case s.one && s.served > 0 && s.crashed:
		return record.StartCold, RuleSuppressedInit
	case s.one && s.served > 0:
		return record.StartWarm, RuleServedBefore
	case v.Truncated:
		return record.StartUnknown, RuleTruncated
	case resets(v.Status, v.ErrorType):
		return record.StartUnknown, RuleFailedUnseen
	case !v.BilledDurationMs.Valid && !v.MemorySizeMB.Valid:
		return record.StartUnknown, RuleNoEvidence
	}
	return record.StartWarm, RuleNoInitDuration
}

// evidence is what the lines before a START tell of the environment's start.
type evidence struct {
	init       bool      // INIT_START, INIT_REPORT or their JSON twins
	at         time.Time // of the first of them
	duration   time.Duration
	failed     bool // an init failed, timed out, or was redone in the invocation
	bareReport bool // a text INIT_REPORT
	restore    bool
	initType   string
}

// ahead says whether the init ended long before the START.
func (e *evidence) ahead(v *View, start time.Time) bool {
	if !e.init || e.failed || e.at.IsZero() || start.IsZero() {
		return false
	}
	d := e.duration
	if v.InitDurationMs.Valid {
		d = time.Duration(v.InitDurationMs.Value * float64(time.Millisecond))
	}
	if d == 0 {
		d = 10 * time.Second // the limit of an init: nothing is known of this one
	}
	return start.Sub(e.at)-d > proactiveGap
}

// add takes a line about an init or a restore.
func (e *evidence) add(v *View) {
	if t := knownInitType(v.InitializationType); t != "" {
		e.initType = t
	}
	switch v.Kind {
	case record.KindInitStart, record.KindInitReport, kindJSONInitStart, kindJSONInitReport, kindJSONInitRuntimeDone:
		if !e.init {
			e.at = v.Timestamp
		}
		e.init = true
		e.bareReport = e.bareReport || v.Kind == record.KindInitReport
		e.failed = e.failed || string(v.Phase) == "invoke" || len(v.Status) > 0 && string(v.Status) != "success"
		if v.InitDurationMs.Valid {
			e.duration = time.Duration(v.InitDurationMs.Value * float64(time.Millisecond))
		}
	default:
		e.restore = true
	}
}

// The initialization types that a START is judged by.
const (
	initOnDemand    = "on-demand"
	initProvisioned = "provisioned-concurrency"
	initSnapStart   = "snap-start"
	initManaged     = "lambda-managed-instances"
)

func knownInitType(b []byte) string {
	for _, t := range [...]string{initOnDemand, initProvisioned, initSnapStart, initManaged} {
		if string(b) == t {
			return t
		}
	}
	return ""
}

// resets says whether an invocation that ended so costs the environment its
// state, so that the next one runs the init again: a time-out, or an error of
// the runtime, of an extension or of the sandbox. An error that the handler
// returned leaves the environment as it is.
func resets(status, errorType []byte) bool {
	if string(status) == "timeout" || string(status) == "failure" {
		return true
	}
	return has(errorType, "Runtime.") || has(errorType, "Extension.") || has(errorType, "Sandbox.")
}
