package record

// The rules by which Join decides a Start where the parser of the log did not.
// They are stable names, for programs and tables.
const (
	RuleNoReport        = "no_report"         // unknown: no REPORT was found
	RuleInitDuration    = "init_duration"     // cold: the REPORT has an Init Duration
	RuleRestoreDuration = "restore_duration"  // restored: the REPORT has a Restore Duration
	RuleNoInitDuration  = "no_init_duration"  // warm: a whole REPORT without either
	RuleTruncated       = "truncated_report"  // unknown: an Init Duration may have been cut off
	RuleEmulator        = "emulator_report"   // unknown: that emulator never prints an Init Duration
	RuleNoFigures       = "report_no_figures" // unknown: the REPORT has no Duration
	RuleDisagree        = "evidence_disagrees"
	RuleStream          = "log_stream" // the parser decided and did not say by which rule
)

// decideStart says how the environment behind a REPORT had started, by which
// rule, and whether the evidence contradicts itself. What the parser decided
// from the lines around the REPORT goes before the REPORT alone, unless the
// REPORT shows an init or a restore and the parser says warm.
//
// Sources: an Init Duration is printed only in the REPORT of the invocation
// whose environment it started
// (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html), a
// Restore Duration only after a SnapStart restore
// (docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html). An
// environment that was reset after a time-out or a crash runs its init again
// without printing one; only the parser can see that.
func decideStart(p *Platform) (start Start, rule string, disagree bool) {
	initiated, restored := p.InitDurationMs.Valid, p.RestoreDurationMs.Valid
	switch {
	case p.Start == StartWarm && (initiated || restored):
		return StartUnknown, RuleDisagree, true
	case p.Start == StartUnknown && p.StartRule == RuleDisagree:
		return StartUnknown, RuleDisagree, true
	case p.Start != "" && p.StartRule == "":
		return p.Start, RuleStream, false
	case p.Start != "":
		return p.Start, p.StartRule, false
	case initiated && restored:
		return StartUnknown, RuleDisagree, true
	case initiated:
		return StartCold, RuleInitDuration, false
	case restored:
		return StartRestored, RuleRestoreDuration, false
	case p.Truncated:
		return StartUnknown, RuleTruncated, false
	case p.Emulator:
		return StartUnknown, RuleEmulator, false
	case !p.DurationMs.Valid:
		return StartUnknown, RuleNoFigures, false
	}
	return StartWarm, RuleNoInitDuration, false
}
