package parsers

import (
	"strings"

	"coldbench/record"
)

// meanings says, for each rule and note of a StartRule, what it means.
var meanings = map[string]string{
	RuleInitDuration:     "the REPORT has an Init Duration, which Lambda prints for the first invocation of an environment alone",
	RuleInitLine:         "an init line stands before the START of the request in its log stream, and the REPORT has no Init Duration",
	RuleSuppressedInit:   "the init failed or timed out, or the environment was reset after a time-out or a crash, so the init ran again within the invocation: Duration contains it, and no Init Duration is printed",
	RuleProactiveInit:    "the REPORT or the lines before it show an init, but it had ended more than a second before the START: Lambda started the environment ahead, and this request, its first, did not wait for the init",
	RuleRestoreDuration:  "the REPORT has a Restore Duration: the environment came from a SnapStart snapshot",
	RuleRestoreLine:      "a RESTORE line stands before the START of the request in its log stream",
	RuleProvisionedType:  "the init's line says provisioned-concurrency: the environment was made ready before any request",
	RuleProvisionedInit:  "an INIT_REPORT of an init that did not fail stands before the START; on-demand functions print one after a failure alone",
	RuleManagedInstance:  "the init's line says lambda-managed-instances: the environment was made ready before any request",
	RuleServedBefore:     "the same log stream, which is one environment, has served a request before, and no init came between",
	RuleNoInitDuration:   "the REPORT is whole and has neither an Init Duration nor a Restore Duration, and no init line stands before it",
	RuleTruncated:        "the REPORT was cut, so an Init Duration may be lost",
	RuleFailedUnseen:     "the invocation failed, its REPORT has no Init Duration, and what came before it in its log stream is not known; a start whose init failed prints none either",
	RuleNoEvidence:       "the REPORT is of a form that has no room for an Init Duration (Managed Instances), and the beginning of its log stream is not known",
	RuleDisagree:         "the evidence contradicts itself",
	record.RuleNoReport:  "no REPORT of the request was found",
	record.RuleEmulator:  "the REPORT is in the shape of an emulator that never prints a true Init Duration",
	record.RuleNoFigures: "the REPORT has no Duration",
	record.RuleStream:    "it was decided from the lines of the log stream, by a rule that was not kept",
	NoteNoStart:          "the START line of the request is not in the log",
	NoteNoEnd:            "the END line of the request is not in the log",
}

// RuleMeaning says in one sentence what a StartRule means, notes included: why
// a start was called cold, warm, restored, provisioned or unknown. A rule that
// this version does not know gives "".
func RuleMeaning(rule string) string {
	name, notes, _ := strings.Cut(rule, "; ")
	text := meanings[name]
	if text == "" {
		return ""
	}
	for note := range strings.SplitSeq(notes, "; ") {
		if m := meanings[note]; m != "" {
			text += "; " + m
		}
	}
	return text
}
