package parsers

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"coldbench/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// brief writes records as "line kind id time stream".
func brief(records []record.Platform) string {
	var lines []string
	for _, p := range records {
		line := fmt.Sprintf("%d %s %s", p.Pos.Line, p.Kind, p.RequestID)
		if !p.Timestamp.IsZero() {
			line += p.Timestamp.Format(" 15:04:05.000")
		}
		if p.LogStream != "" {
			line += " " + p.LogStream
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

func TestEnvelopes(t *testing.T) {
	const (
		shortReport = "REPORT RequestId: a\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 15 MB\t"
		jsonReport  = `{"time":"2026-05-15T07:30:36.382Z","type":"platform.report","record":{"requestId":"a","metrics":{"durationMs":1}}}`
	)
	escaped := strings.ReplaceAll(shortReport, "\t", `\t`) + `\n`
	payload := `{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/aws/lambda/f","logStream":"` + streamName +
		`","logEvents":[{"id":"1","timestamp":1761073246222,"message":"START RequestId: a Version: 1\n"},{"id":"2","timestamp":1761073246333,"message":"` + escaped + `"}]}`
	twoOfPayload := "1 start a 19:00:46.222 " + streamName + "\n1 report a 19:00:46.333 " + streamName
	tail := base64.StdEncoding.EncodeToString([]byte("START RequestId: a Version: 1\nEND RequestId: a\n" + shortReport + "\n" + xrayLine + "\n"))
	tests := []struct{ name, input, want, envelopes string }{
		{"plain lines", "hello\nSTART RequestId: a Version: 1\nREPORT of today\n" + shortReport + "\n" + xrayLine + "\nbye\n", "2 start a\n4 report a", "text"},
		{"fields on lines of their own", strings.ReplaceAll(shortReport, "\t", "\n") + "\nEND RequestId: a\n", "1 report a\n7 end a", "text"},
		{"runtime version on two lines", "INIT_START Runtime - Version: python:3.9.v19\nRuntime Version ARN: arn\nSTART - a - Version: 1\n", "1 init_start\n3 start a", "text"},
		{"fault on two lines", "RequestId: a Error: Runtime exited with error: exit status 1\nRuntime.ExitError\nEND RequestId: a\n", "1 other a\n3 end a", "text"},
		{"aws logs tail", "2026-05-15T07:30:36.382000+00:00 " + streamName + " START RequestId: a Version: 1\n2026-05-15T07:30:36.383000+00:00 " + streamName + " hello\n", "1 start a 07:30:36.382 " + streamName, "aws-logs-tail"},
		{"aws logs tail, pretty JSON", "2026-05-15T07:30:36.382000+00:00 " + streamName + " {\n    \"time\": \"2026-05-15T07:30:36.000Z\",\n    \"type\": \"platform.start\",\n    \"record\": {\"requestId\": \"a\"}\n}\nEND RequestId: a\n", "1 platform.start a 07:30:36.000 " + streamName + "\n6 end a", "text, aws-logs-tail"},
		{"sam logs", "\x1b[36m" + streamName + "\x1b[0m \x1b[33m2026-05-15T07:30:36.382000\x1b[0m " + shortReport + "\n" + xrayLine + "\n", "1 report a 07:30:36.382 " + streamName, "sam-logs"},
		{"S3 export", "2026-05-15T07:30:36.382Z START RequestId: a Version: 1\n", "1 start a 07:30:36.382", "timed-lines"},
		{"CLI text", "EVENTS\t38\t1705599880101\t" + streamName + "\tSTART RequestId: a Version: 1\n\t1705599874327\nEVENTS\t39\t1705599880101\t" + streamName + "\thello\nEND RequestId: forged\n\t1705599874327\nNEXTTOKEN\tabc\n", "1 start a 17:44:34.327 " + streamName, "aws-cli-text"},
		{"CSV", "timestamp,message\n1681985224227,\"START RequestId: a Version: 1\n\"\n1681985224228,\"hello \"\"you\"\"\nEND RequestId: forged\n\"\n1681985224229,\"" + shortReport + "\n" + xrayLine + "\n\"\n", "2 start a 10:07:04.227\n7 report a 10:07:04.229", "csv"},
		{"CSV without its header", "1681985224227,\"START RequestId: a Version: 1\n\"\n", "1 start a 10:07:04.227", "csv"},
		{"Insights CSV", "@timestamp,@message,@logStream\n2026-05-15 07:30:36.382,\"END RequestId: a\n\"," + streamName + "\n", "2 end a 07:30:36.382 " + streamName, "csv"},
		{"Insights CSV of fields", "@timestamp,@type,@requestId,@duration\n2026-05-15 07:30:36.382,REPORT,a,1.5\n2026-05-15 07:30:36.382,END,a,\n", "2 report a 07:30:36.382", "csv"},
		{"query results", `{"results":[[{"field":"@type","value":"REPORT"},{"field":"@requestId","value":"a"}],[{"field":"@type","value":"START"}]],"status":"Complete"}`, "1 report a", "insights"},
		{"console rows", `[{"@timestamp":"2026-05-15 07:30:36.382","@message":"END RequestId: a\n"},` + "\n" + `{"@type":"REPORT","@requestId":"b"}]`, "1 end a 07:30:36.382\n2 report b", "telemetry-batch"},
		{"subscription", payload, twoOfPayload, "subscription"},
		{"subscriptions, one behind the other", payload + payload, twoOfPayload + "\n" + twoOfPayload, "subscription"},
		{"control message", `{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","timestamp":1761073246222,"message":"CWL CONTROL MESSAGE: Checking health of destination"}]}`, "", ""},
		{"event of a subscription", `{"awslogs":{"data":"` + base64.StdEncoding.EncodeToString(gzipped(t, payload)) + `"}}`, twoOfPayload, "subscription"},
		{"telemetry batch", "[" + jsonReport + `,{"time":"2026-05-15T07:30:36.382Z","type":"function","record":"` + escaped + `"}]`, "1 platform.report a 07:30:36.382", "telemetry-batch"},
		{"JSON lines", jsonReport + "\n{\"level\":\"INFO\"}\n" + jsonReport + "\n", "1 platform.report a 07:30:36.382\n3 platform.report a 07:30:36.382", "json-lines"},
		{"jq of messages", `"` + escaped + `"` + "\n", "1 report a", "text"},
		{"array of messages", "[\n  \"START RequestId: a Version: 1\\n\",\n  \"" + escaped + "\"\n]\n", "2 start a\n3 report a", "telemetry-batch"},
		{"run events", `{"message":"START RequestId: a Version: 1","source":"tail","requestId":"a"}` + "\n" + `{"eventId":"1","logStreamName":"s","timestamp":1761073246222,"message":"END RequestId: a","source":"filter"}`, "1 start a\n2 end a 19:00:46.222 s", "log-events-json, run-events"},
		{"response tail", tail + "\n", "1 start a\n1 end a\n1 report a", "base64-tail"},
		{"response tail in quotes", `"` + tail + `"`, "1 start a\n1 end a\n1 report a", "base64-tail"},
		{"invoke output", "{\n    \"StatusCode\": 200,\n    \"LogResult\": \"" + tail + "\"\n}\n", "1 start a\n1 end a\n1 report a", "base64-tail"},
		{"gzip", string(gzipped(t, "START RequestId: a Version: 1\n")), "1 start a", "text, gzip"},
		{"gzip, two members", string(gzipped(t, "START RequestId: a Version: 1\n")) + string(gzipped(t, "END RequestId: a\n")), "1 start a\n2 end a", "text, gzip"},
		{"byte order mark", "\ufeffSTART RequestId: a Version: 1\r\nEND RequestId: a\r\n", "1 start a\n2 end a", "text"},
		{"array that was cut", "[\n" + jsonReport + ",\n" + jsonReport[:60], "2 platform.report a 07:30:36.382", "telemetry-batch"},
		{"empty", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			records, broken, s := scanned(t, strings.NewReader(tt.input), Options{})
			if got := brief(records); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if got := s.Envelopes().String(); got != tt.envelopes {
				t.Errorf("envelopes %q, want %q", got, tt.envelopes)
			}
			if s.Err() != nil || len(broken) > 0 != (tt.name == "array that was cut") {
				t.Errorf("broken %v, error %v", broken, s.Err())
			}
		})
	}
}

func TestZstd(t *testing.T) {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	data := w.EncodeAll([]byte("START RequestId: a Version: 1\n"), nil)
	records, _, s := scanned(t, bytes.NewReader(data), Options{})
	if brief(records) != "1 start a" || s.Envelopes()&EnvelopeZstd == 0 || s.Err() != nil {
		t.Errorf("got %s, %s, %v", brief(records), s.Envelopes(), s.Err())
	}
}

func TestTruncatedGzip(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "START RequestId: %x Version: 1\n", i*2654435761)
	}
	data := gzipped(t, text.String())
	for _, workers := range []int{0, 2} {
		n := 0
		result, err := Each(bytes.NewReader(data[:len(data)/2]), Options{File: "a.gz", Workers: workers}, func(*View, *SyntaxError) error {
			n++
			return nil
		})
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "scan a.gz: line ") {
			t.Errorf("error %v, want an unexpected end with its place", err)
		}
		if n < 1000 || result.Platform != int64(n) {
			t.Errorf("%d records before the cut, counts %+v", n, result.Counts)
		}
	}
}

// endless gives n bytes of one kind without holding them.
type endless struct {
	n    int64
	unit []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && e.n > 0 {
		m := copy(p[n:], e.unit)
		n += m
		e.n -= int64(m)
	}
	return n, nil
}

// TestMemoryIsBounded reads lines and documents that are larger than they may
// be, and looks at what the Scanner holds. It also shows that no such input
// takes a time that grows with its square.
func TestMemoryIsBounded(t *testing.T) {
	const size = 4 << 20
	inputs := map[string]struct{ head, unit string }{
		"one line":       {"", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		"one REPORT":     {"REPORT RequestId: a\tDuration: ", "1111111111111111111111111111111111111111"},
		"one JSON text":  {`{"time":"2026-05-15T07:30:36.382Z","type":"platform.report","record":{"requestId":"`, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		"open brackets":  {"", "["},
		"open documents": {"", "{\"events\":[\n"},
		"binary":         {"", "\x00\xff\x1f\x8b\x10\x7f\x00\x00"},
		"no line end":    {"EVENTS\t1\t", "\t1\t2\t3\n"},
		"open quote":     {"1681985224227,\"", "text\n"},
		"text columns":   {"EVENTS\t1\t", "a\n"},
		"document":       {"{\"events\":[{}", ",\n{\"timestamp\":1681985224227,\"message\":\"START RequestId: a Version: 1\"}"},
	}
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			s := NewScanner(io.MultiReader(strings.NewReader(in.head), &endless{n: size, unit: []byte(in.unit)}), Options{MaxEvent: 256 << 10})
			for s.Scan() {
			}
			if s.Err() != nil {
				t.Fatal(s.Err())
			}
			if len(s.buf) > 1<<20 || cap(s.e.arena) > 1<<20 || len(s.e.out) > 4096 {
				t.Errorf("buffer %d, arena %d, %d items", len(s.buf), cap(s.e.arena), len(s.e.out))
			}
			if c := s.Counts(); c.Bytes < size {
				t.Errorf("%d bytes of %d were read", c.Bytes, size)
			}
		})
	}
}

func TestSyntaxErrors(t *testing.T) {
	input := "hello\nREPORT RequestId: a\tDuration: 1.00 ms\tBilled Duration: 1O ms\tMemory Size: 128 MB\n" +
		`{"time":"2026-05-15T07:30:36.382Z","type":"platform.report","record":{"metrics":{"initDurationMs":"x"}}}` + "\n" +
		`{"time":"2026-05-15T07:30:36.382Z","type":"platform.report","record":{"metrics":{"durationMs":98` + "\n"
	_, broken, s := scanned(t, strings.NewReader(input), Options{File: "runs/a.log"})
	want := []string{
		`parse REPORT line: runs/a.log:2: billed duration "1O ms": wrong or missing unit`,
		`parse platform JSON: runs/a.log:3: init duration "\"x\"": not a number`,
		`parse platform JSON: runs/a.log:4: JSON is cut or not valid`,
	}
	for i, w := range want {
		if i >= len(broken) || broken[i].Error() != w {
			t.Errorf("got %v, want %s", broken, w)
		}
	}
	if c := s.Counts(); c.Broken != 3 || c.Application != 1 || c.Lines != 4 {
		t.Errorf("counts %+v", c)
	}
}
