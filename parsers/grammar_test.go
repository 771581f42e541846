package parsers

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"coldbench/record"
)

const (
	wholeID     = "32f5cbf1-dd22-422a-a566-8965da5a3465"
	wholeReport = "REPORT RequestId: " + wholeID + "\tDuration: 8.40 ms\tBilled Duration: 9 ms\tMemory Size: 128 MB\tMax Memory Used: 66 MB\t"
	warmWant    = `"request_id":"` + wholeID + `","duration_ms":8.4,"billed_duration_ms":9,"memory_size_mb":128,"max_memory_used_mb":66`
	warm        = "{" + warmWant + "}"
	cold        = "{" + warmWant + `,"init_duration_ms":170.13}`
	streamName  = "2026/05/15/[$LATEST]78cff16def9a48aea639011ad093d2fd"
	xrayLine    = "XRAY TraceId: 1-5e61292c-cc1229a4dfbeae1043928548\tSegmentId: 07a85e713f6302b2\tSampled: true\t"
	xrayWant    = `,"xray_trace_id":"1-5e61292c-cc1229a4dfbeae1043928548","xray_segment_id":"07a85e713f6302b2","xray_sampled":true`
)

// TestGrammar holds one line for each rule of the grammar, beside the corpus.
// want is "null", or the result keys; the kind stands before it where it is no
// report.
func TestGrammar(t *testing.T) {
	init := wholeReport + "Init Duration: 170.13 ms\t"
	tests := []struct{ name, line, want string }{
		{"carriage returns", strings.ReplaceAll(init, "\t", "\r\n"), cold},
		{"tab behind the head", strings.Replace(init, "REPORT ", "REPORT\t", 1), cold},
		{"two blanks before the id", strings.Replace(init, "RequestId: ", "RequestId:  ", 1), cold},
		{"no separators at all", strings.ReplaceAll(init, "\t", ""), cold},
		{"no blanks behind colons", strings.ReplaceAll(init, ": ", ":"), cold},
		{"escaped tabs", strings.ReplaceAll(init, "\t", `\t`) + `\n`, cold},
		{"escaped tabs and X-Ray", strings.ReplaceAll(wholeReport+"\n"+xrayLine, "\t", `\t`), "{" + warmWant + xrayWant + "}"},
		{"any order", "REPORT RequestId: " + wholeID + "\tMax Memory Used: 66 MB\tInit Duration: 170.13 ms\tMemory Size: 128 MB\tBilled Duration: 9 ms\tDuration: 8.40 ms", cold},
		{"remark", init + "// a cold one", cold},
		{"remark in brackets", strings.TrimSuffix(init, "\t") + " (cold)", cold},
		{"unknown label between blanks", strings.ReplaceAll(wholeReport, "\t", " ") + "Ephemeral Storage Used: 12 MB Init Duration: 170.13 ms Tenant: blue", cold},
		{"unknown label with a word", strings.ReplaceAll(wholeReport, "\t", " ") + "Tenant: blue Init Duration: 170.13 ms", cold},
		{"unknown label and tabs", wholeReport + "Snap Start: on the way\tInit Duration: 170.13 ms\t", cold},
		{"longer label of ours", wholeReport + "Extension Init Duration: 77.00 ms Queue Duration: 4.00 ms", warm},
		{"unknown longer label", wholeReport + "Sandbox Init Duration: 77.00 ms", warm},
		{"fifteen digits", "REPORT RequestId: a\tDuration: 123456789012345 ms", `{"request_id":"a","duration_ms":123456789012345}`},
		{"sixteen digits", "REPORT RequestId: a\tDuration: 1234567890123456 ms", "null"},
		{"many decimals", "REPORT RequestId: a\tDuration: 1.2345678901234 ms", `{"request_id":"a","duration_ms":1.2345678901234}`},
		{"largest values", "REPORT RequestId: a\tDuration: 900000.00 ms\tMemory Size: 10240 MB\tInit Duration: 899998.97 ms", `{"request_id":"a","duration_ms":900000,"memory_size_mb":10240,"init_duration_ms":899998.97}`},
		{"sign", "REPORT RequestId: a\tDuration: -1.00 ms\tBilled Duration: 1 ms", "null"},
		{"plus", "REPORT RequestId: a\tDuration: +1.00 ms\tBilled Duration: 1 ms", "null"},
		{"NaN", "REPORT RequestId: a\tDuration: NaN ms\tBilled Duration: 1 ms", "null"},
		{"exponent", "REPORT RequestId: a\tDuration: 1e3 ms\tBilled Duration: 1 ms", "null"},
		{"no digits before the dot", "REPORT RequestId: a\tDuration: .5 ms\tBilled Duration: 1 ms", "null"},
		{"no digits behind the dot", "REPORT RequestId: a\tDuration: 5. ms\tBilled Duration: 1 ms", "null"},
		{"unit in capitals", "REPORT RequestId: a\tDuration: 5 MS\tBilled Duration: 1 ms", "null"},
		{"longer unit", "REPORT RequestId: a\tDuration: 5 msec\tBilled Duration: 1 ms", "null"},
		{"unit of another field", "REPORT RequestId: a\tDuration: 5 ms\tMemory Size: 128 ms", "null"},
		{"binary unit", "REPORT RequestId: a\tMemory Size: 128 MiB\tDuration: 1 ms", "null"},
		{"label twice", wholeReport + "Status: error\tStatus: error", "null"},
		{"label in two spellings", wholeReport + "Error Type: A.B\tErrorType: A.B", "null"},
		{"two X-Ray lines", wholeReport + "\n" + xrayLine + "\n" + xrayLine, "null"},
		{"two records, two lines", wholeReport + "\n" + wholeReport, "null"},
		{"START and END", "START RequestId: a Version: 1 END RequestId: a", "null"},
		{"END and REPORT on two lines", "END RequestId: a\n" + wholeReport, "null"},
		{"INIT_START and INIT_REPORT", "INIT_START Runtime Version: python:3.12.v1 INIT_REPORT Init Duration: 5 ms", "null"},
		{"comma between the fields", "REPORT RequestId: a\tDuration: 8.40 ms, Billed Duration: 9 ms", "null"},
		{"id of 32 digits", "REPORT RequestId: 6f7f0961f83442118a7af6fe80b88d56\tDuration: 1.00 ms", `{"request_id":"6f7f0961f83442118a7af6fe80b88d56","duration_ms":1}`},
		{"id with dots", "REPORT RequestId: a.b_c-1\tDuration: 1.00 ms", `{"request_id":"a.b_c-1","duration_ms":1}`},
		{"id that begins with a dash", "REPORT RequestId: -a\tDuration: 1.00 ms", "null"},
		{"regular expression", `REPORT RequestId: (\S+)\tDuration: ([\d.]+) ms`, "null"},
		{"template", "REPORT RequestId: ${id}\tDuration: ${d} ms", "null"},
		{"no id label", "REPORT Duration: 8.40 ms\tBilled Duration: 9 ms", `{"duration_ms":8.4,"billed_duration_ms":9}`},
		{"head alone", "REPORT", "null"},
		{"head and colon", "REPORT: RequestId: a Duration: 5 ms", "null"},
		{"longer head", "REPORTS RequestId: a\tDuration: 5 ms", "null"},
		{"small letters", strings.ToLower(wholeReport), "null"},
		{"level before it", "[ERROR] " + wholeReport, "null"},
		{"level word before it", "INFO " + wholeReport, "null"},
		{"time and level before it", "2026-05-15T07:30:36.382Z INFO " + wholeReport, "null"},
		{"time and id before it", "2026-05-15T07:30:36.382Z " + wholeID + " " + wholeReport, "null"},
		{"quoted", `"` + wholeReport + `"`, "null"},
		{"empty", "", "null"},
		{"blank", " \t\r\n", "null"},
		{"status of OTel", wholeReport + "Status: failure", "{" + warmWant + `,"status":"failure"}`},
		{"status unknown to us", wholeReport + "Status: throttled\t", "{" + warmWant + `,"status":"throttled"}`},
		{"sampled false", wholeReport + "\n" + strings.Replace(xrayLine, "true", "false", 1), "{" + warmWant + strings.Replace(xrayWant, "true", "false", 1) + "}"},
		{"status glued to X-Ray", wholeReport + "Status: timeout" + xrayLine, "{" + warmWant + `,"status":"timeout"` + xrayWant + "}"},
		{"error type glued to X-Ray", wholeReport + "Status: error\tError Type: Runtime.ExitError" + xrayLine, "{" + warmWant + `,"status":"error","error_type":"Runtime.ExitError"` + xrayWant + "}"},
		{"cut in the id", "REPORT RequestId: 32f5cbf1-dd22-422a", "{}"},
		{"cut in the error type", wholeReport + "Status: error\tError Type: Runtime.ImportMod", "{" + warmWant + `,"status":"error"}`},
		{"cut in the unit", wholeReport + "Init Duration: 170.13 m", warm},
		{"cut behind the label", wholeReport + "Init Duration:", warm},
		{"cut in the label", wholeReport + "Init Dur", warm},

		{"sam logs in colour", "\x1b[36m" + streamName + "\x1b[0m \x1b[33m2026-05-15T07:30:36.382000\x1b[0m \x1b[4mREPORT\x1b[0m" + strings.TrimPrefix(init, "REPORT"), "{" + warmWant + `,"init_duration_ms":170.13,"timestamp":"2026-05-15T07:30:36.382Z"}`},
		{"label underlined", strings.Replace(init, "Init Duration", "\x1b[4mInit Duration\x1b[24m", 1), cold},
		{"docker compose", "lambda-1  | " + init, cold},
		{"S3 export", "2026-05-15T07:30:36.382Z " + init, "{" + warmWant + `,"init_duration_ms":170.13,"timestamp":"2026-05-15T07:30:36.382Z"}`},
		{"zone without a colon", "2026-05-15T09:30:36.382+0200\t" + init, "{" + warmWant + `,"init_duration_ms":170.13,"timestamp":"2026-05-15T07:30:36.382Z"}`},
		{"time with a blank", "2026-05-15 07:30:36.382 " + init, "{" + warmWant + `,"init_duration_ms":170.13,"timestamp":"2026-05-15T07:30:36.382Z"}`},
		{"no such day", "2026-02-30T07:30:36.382Z " + init, "null"},
		{"clock alone", "16:39:01 " + init, cold},
		{"group and stream", "my-group " + streamName + " " + init, cold},
		{"CSV without quotes", "1761073246222," + init, "{" + warmWant + `,"init_duration_ms":170.13,"timestamp":"2025-10-21T19:00:46.222Z"}`},
		{"CSV of JSON", `1761073246222,"{""time"":""2026-05-15T07:30:36.382Z"",""type"":""platform.start"",""record"":{""requestId"":""a""}}"`, `platform.start {"request_id":"a","timestamp":"2026-05-15T07:30:36.382Z"}`},
		{"get-log-events as text", "EVENTS\t1705599880101\t" + init + "\n\t1705599874327", "{" + warmWant + `,"init_duration_ms":170.13,"timestamp":"2024-01-18T17:44:34.327Z"}`},
		{"time-out behind stream and time", streamName + " 2026-05-15T07:30:36.382000 2026-05-15T07:30:36.380Z " + wholeID + " Task timed out after 3.00 seconds", `other {"request_id":"` + wholeID + `","status":"timeout","timestamp":"2026-05-15T07:30:36.38Z"}`},
		{"time-out without a time", wholeID + " Task timed out after 3.00 seconds", "null"},
		{"process exited", "RequestId: a Process exited before completing request", `other {"request_id":"a","status":"error"}`},
		{"runtime exited, one line", "RequestId: a Error: Runtime exited with error: exit status 1 Runtime.ExitError", `other {"request_id":"a","status":"error","error_type":"Runtime.ExitError"}`},
		{"words about a request id", "RequestId: a was handled", "null"},
		{"Serverless 4 start", "START - " + wholeID + " - Version: $LATEST", `start {"request_id":"` + wholeID + `"}`},
		{"Serverless 4 init", "INIT_START Runtime - Version: python:3.9.v19", `init_start {"runtime_version":"python:3.9.v19"}`},
		{"START without id", "START RequestId: Version: 5", "start {}"},
		{"logs subscription", "LOGS\tName: x\tState: Subscribed\tTypes: [Platform]", "other {}"},
		{"word EXTENSION", "EXTENSION loaded", "null"},
		{"word IMAGE", "IMAGE resized to 5 MB", "null"},
		{"word END", "END of the story", "null"},
		{"word START", "START processing", "null"},
		{"INIT_START alone", "INIT_START", "null"},
		{"ARN cut", "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:36aeb19f", `init_start {"runtime_version":"python:3.12.v1"}`},
		{"ARN missing behind its label", "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN:", `init_start {"runtime_version":"python:3.12.v1"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkEvent(t, tt.line, tt.want) })
	}
}

// checkEvent compares what ParseEvent makes of line with "kind {keys}".
func checkEvent(t *testing.T, line, want string) {
	t.Helper()
	kind, keys := "report", want
	if i := strings.IndexByte(want, ' '); i > 0 && !strings.HasPrefix(want, "{") {
		kind, keys = want[:i], want[i+1:]
	}
	var wantMap, got map[string]any
	if err := json.Unmarshal([]byte(keys), &wantMap); err != nil {
		t.Fatal(err)
	}
	var p record.Platform
	if ParseEvent([]byte(line), &p) {
		got = resultOf(t, p, false)
	}
	if !reflect.DeepEqual(got, normal(wantMap)) || wantMap != nil && string(p.Kind) != kind {
		t.Errorf("%q:\n got %s %v\nwant %s %v", line, p.Kind, got, kind, wantMap)
	}
}

func TestGrammarJSON(t *testing.T) {
	event := func(kind, rec string) string {
		return `{"time":"2026-05-15T07:30:36.382Z","type":"platform.` + kind + `","record":` + rec + `}`
	}
	const at = `"timestamp":"2026-05-15T07:30:36.382Z"`
	tests := []struct{ name, line, want string }{
		{"keys in any order", `{"record":{"metrics":{"durationMs":1.5},"requestId":"a"},"type":"platform.report","time":"2026-05-15T07:30:36.382Z"}`, `platform.report {` + at + `,"request_id":"a","duration_ms":1.5}`},
		{"escapes in keys and values", `{"time":"2026-05-15T07:30:36.382Z","ty\u0070e":"platform.report","record":{"requestId":"\u0061","metrics":{"duration\u004ds":1.5}}}`, `platform.report {` + at + `,"request_id":"a","duration_ms":1.5}`},
		{"exponent", event("report", `{"metrics":{"durationMs":1.05e3,"billedDurationMs":124.0}}`), `platform.report {` + at + `,"duration_ms":1050,"billed_duration_ms":124}`},
		{"negative", event("report", `{"metrics":{"durationMs":-1}}`), "null"},
		{"not finite", event("report", `{"metrics":{"durationMs":1e999}}`), "null"},
		{"a text for a number", event("report", `{"metrics":{"durationMs":1,"restoreDurationMs":"1"}}`), "null"},
		{"true for a number", event("report", `{"metrics":{"durationMs":true}}`), "null"},
		{"metrics no object", event("report", `{"metrics":[1]}`), "null"},
		{"metrics null", event("report", `{"requestId":"a","metrics":null}`), `platform.report {` + at + `,"request_id":"a"}`},
		{"unknown metric of any type", event("report", `{"requestId":"a","metrics":{"gpu":"x"}}`), `platform.report {` + at + `,"request_id":"a"}`},
		{"metrics of a start", event("start", `{"requestId":"a","metrics":{"durationMs":"x"}}`), `platform.start {` + at + `,"request_id":"a"}`},
		{"record null", event("report", "null"), "null"},
		{"record a number", event("report", "5"), "null"},
		{"no record", `{"time":"2026-05-15T07:30:36.382Z","type":"platform.report"}`, "null"},
		{"type in capitals", strings.Replace(event("report", "{}"), "platform", "Platform", 1), "null"},
		{"type function", strings.Replace(event("report", `"`+wholeReport+`"`), "platform.report", "function", 1), "null"},
		{"time that is none", `{"time":"yesterday","type":"platform.start","record":{"requestId":"a"}}`, `platform.start {"request_id":"a"}`},
		{"text record", event("report", `"`+strings.ReplaceAll(wholeReport, "\t", `\t`)+`"`), `platform.report {` + at + "," + warmWant + "}"},
		{"text record that is no REPORT", event("report", `"done"`), "null"},
		{"text record of a start", event("start", `"START RequestId: a Version: 1"`), `platform.start {` + at + `,"request_id":"a"}`},
		{"Sampled 0", event("start", `{"requestId":"a","tracing":{"spanId":"24cd7d670fa455f0","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=0"}}`), `platform.start {` + at + `,"request_id":"a","xray_trace_id":"1-6352a70e-1e2c502e358361800241fd45","xray_segment_id":"24cd7d670fa455f0","xray_sampled":false}`},
		{"extension that failed", event("extension", `{"name":"x","state":"Started","errorType":"Extension.Crash"}`), `platform.extension {` + at + `,"error_type":"Extension.Crash"}`},
		{"init report", event("initReport", `{"phase":"invoke","status":"timeout","metrics":{"durationMs":10}}`), `platform.initReport {` + at + `,"phase":"invoke","status":"timeout","init_duration_ms":10}`},
		{"unknown event", event("spinDownStart", `{"requestId":"a","status":"x","metrics":{"durationMs":-1}}`), `platform.other {` + at + `,"request_id":"a"}`},
		{"something behind it", event("start", `{"requestId":"a"}`) + " x", "null"},
		{"cut", event("start", `{"requestId":"a"`)[:70], "null"},
		{"trailing comma", event("start", `{"requestId":"a",}`), "null"},
		{"single quotes", strings.ReplaceAll(event("start", `{"requestId":"a"}`), `"`, "'"), "null"},
		{"NaN", event("report", `{"metrics":{"durationMs":NaN}}`), "null"},
		{"message with a text timestamp", `{"timestamp":"2026-05-15T07:30:36.382Z","message":"REPORT RequestId: a\tDuration: 1 ms"}`, "null"},
		{"message with a level", `{"timestamp":1761073246222,"level":"INFO","message":"REPORT RequestId: a\tDuration: 1 ms"}`, "null"},
		{"message alone", `{"message":"REPORT RequestId: a\tDuration: 1 ms"}`, "null"},
		{"log event", `{"logStreamName":"s","timestamp":1761073246222,"message":"END RequestId: a\n","ingestionTime":1,"eventId":"3"}`, `end {"request_id":"a","timestamp":"2025-10-21T19:00:46.222Z"}`},
		{"console row", `{"@timestamp":"2026-05-15 07:30:36.382","@type":"REPORT","@requestId":"a","@duration":"1.5","@memorySize":"1.28E8","@initDuration":""}`, `report {` + at + `,"request_id":"a","duration_ms":1.5,"memory_size_mb":128}`},
		{"console row with numbers", `{"@type":"REPORT","@duration":1.5,"@maxMemoryUsed":66000000}`, `report {"duration_ms":1.5,"max_memory_used_mb":66}`},
		{"row of another type", `{"@type":"END","@requestId":"a","@duration":"1.5"}`, "null"},
		{"row with a bad number", `{"@type":"REPORT","@duration":"x"}`, "null"},
		{"row with the message", `{"@timestamp":"2026-05-15 07:30:36.382","@message":"START RequestId: a Version: 1\n"}`, `start {` + at + `,"request_id":"a"}`},
		{"deep nesting", event("start", strings.Repeat("[", 2000)), "null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkEvent(t, tt.line, tt.want) })
	}
}

// TestCutAnywhere cuts whole records at every byte. What is still returned is
// what the whole record says; nothing is made up.
func TestCutAnywhere(t *testing.T) {
	lines := []string{
		wholeReport + "Init Duration: 170.13 ms\tStatus: error\tError Type: Runtime.OutOfMemory\n" + xrayLine,
		wholeReport + "Restore Duration: 789.64 ms\tBilled Restore Duration: 163 ms\tStatus: timeout",
		"INIT_REPORT Init Duration: 10337.01 ms\tPhase: invoke\tStatus: timeout",
		"START RequestId: " + wholeID + " Version: $LATEST",
		"END RequestId: " + wholeID,
		`{"time":"2026-05-15T07:30:36.382Z","type":"platform.report","record":{"requestId":"a","metrics":{"durationMs":123.45,"initDurationMs":678.9}}}`,
	}
	for _, line := range lines {
		var whole record.Platform
		if !ParseEvent([]byte(line), &whole) {
			t.Fatalf("%q: not parsed", line)
		}
		want := resultOf(t, whole, true)
		for i := range line {
			var p record.Platform
			if !ParseEvent([]byte(line[:i]), &p) {
				continue
			}
			got := resultOf(t, p, true)
			for k, v := range got {
				if k == "request_id" && len(p.RequestID) <= 8 && p.Kind != record.KindReport {
					continue // a short id of START and END can't be told from a cut one
				}
				if !reflect.DeepEqual(v, want[k]) {
					t.Errorf("%q: %s is %v, want %v or nothing", line[:i], k, v, want[k])
				}
			}
			if len(got) < len(want) && !p.Truncated && line[i-1] != '\t' && line[i-1] != '\n' && line[i-1] != ' ' && !endsField(line[i:]) && len(p.RequestID) != 8 {
				t.Errorf("%q: lost fields, and is not marked as cut", line[:i])
			}
		}
	}
}

// endsField says whether the cut fell between two fields, where nothing shows
// that more was to come.
func endsField(rest string) bool {
	return strings.HasPrefix(rest, "\t") || strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, " Version")
}

// TestCutShortIDs states the exception of TestCutAnywhere.
func TestCutShortIDs(t *testing.T) {
	checkEvent(t, "START RequestId: 32f5", `start {"request_id":"32f5"}`)
	checkEvent(t, "END RequestId: 32f5cbf1-dd22", "end {}")
}

func ExampleParseEvent() {
	line := []byte("REPORT RequestId: 8d5958b5-559f-43f3-b278-b71dd7dd0e01\tDuration: 2.46 ms\tBilled Duration: 417 ms\t" +
		"Memory Size: 1024 MB\tMax Memory Used: 95 MB\tInit Duration: 413.61 ms\t\n")
	var p record.Platform
	if ParseEvent(line, &p) {
		fmt.Println(p.Kind, p.RequestID, p.InitDurationMs.Value, p.RestoreDurationMs.Valid)
	}
	// Output: report 8d5958b5-559f-43f3-b278-b71dd7dd0e01 413.61 false
}
