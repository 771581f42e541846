package runtimes

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

var jsonLogs = []string{"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=INFO"}

// records reads the JSON lines of a log, without their times and with stack
// traces cut to whether there is one.
func (s session) records(t *testing.T, timeForms ...string) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(s.Log) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		known := false
		for _, form := range timeForms {
			_, err := time.Parse(form, m["timestamp"].(string))
			known = known || err == nil
		}
		if !known {
			t.Errorf("timestamp %v", m["timestamp"])
		}
		delete(m, "timestamp")
		cut(m)
		list = append(list, m)
	}
	return list
}

func cut(m map[string]any) {
	for k, v := range m {
		if trace, ok := v.([]any); ok && k == "stackTrace" {
			m[k] = len(trace) > 0
		}
		if inner, ok := v.(map[string]any); ok {
			cut(inner)
		}
	}
}

func same(t *testing.T, got []map[string]any, want ...map[string]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("record %d\n%v, want\n%v", i, got[i], want[i])
		}
	}
}

type fields = map[string]any

// A single argument is the message as it is; several are text, with the fields
// of the first error among them. Source: aws-lambda-nodejs-runtime-interface-client, LogPatch.js.
func TestNodeJSONLog(t *testing.T) {
	r := must(t, "nodejs20.x")
	s := serveWith(t, r, jsonLogs, "index.handler", map[string]string{"index.js": `
		class Lost extends Error {}
		exports.handler = async () => {
			console.debug('kept back'); console.log('text %s', 'x'); console.info({a: 1, b: [2]}); console.warn('two', new Lost('gone'))
			const e = new TypeError('odd'); e.code = 'E1'; console.error(e)
			const loop = {}; loop.loop = loop; console.log(loop)
			throw new Lost('end') }`}, `{}`)
	same(t, s.records(t, "2006-01-02T15:04:05.000Z"),
		fields{"level": "INFO", "requestId": "id-1", "tenantId": "t", "message": "text x"},
		fields{"level": "INFO", "requestId": "id-1", "tenantId": "t", "message": fields{"a": 1.0, "b": []any{2.0}}},
		fields{"level": "WARN", "requestId": "id-1", "tenantId": "t", "message": s.records(t, "2006-01-02T15:04:05.000Z")[2]["message"], "errorType": "Lost", "errorMessage": "gone", "stackTrace": true},
		fields{"level": "ERROR", "requestId": "id-1", "tenantId": "t", "message": fields{"errorType": "TypeError", "errorMessage": "odd", "stackTrace": true, "code": "E1"}},
		fields{"level": "INFO", "requestId": "id-1", "tenantId": "t", "message": "<ref *1> { loop: [Circular *1] }"},
		fields{"level": "ERROR", "requestId": "id-1", "tenantId": "t", "message": fields{"errorType": "Lost", "errorMessage": "end", "stackTrace": true}},
	)
}

// Source: aws-lambda-python-runtime-interface-client, lambda_runtime_log_utils.py.
func TestPythonJSONLog(t *testing.T) {
	r := must(t, "python3.12")
	s := serveWith(t, r, jsonLogs, "app.handler", map[string]string{"app.py": `
import logging
log = logging.getLogger("shop")
def handler(e, c):
    log.debug("kept back")
    log.info("hello %s", "you", extra={"order": 7})
    try:
        raise KeyError("lost")
    except KeyError:
        log.exception("caught")
    raise ValueError("end")
`}, `{}`)
	got := s.records(t, "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05")
	if len(got) != 3 || !strings.HasSuffix(got[1]["location"].(string), "app.py:handler:10") {
		t.Fatalf("%v", got)
	}
	delete(got[1], "location")
	same(t, got,
		fields{"level": "INFO", "message": "hello you", "logger": "shop", "requestId": "id-1", "tenantId": "t", "order": 7.0},
		fields{"level": "ERROR", "message": "caught", "logger": "shop", "requestId": "id-1", "tenantId": "t", "stackTrace": true, "errorType": "KeyError", "errorMessage": "'lost'"},
		fields{"level": "ERROR", "errorMessage": "end", "errorType": "ValueError", "requestId": "id-1", "stackTrace": true},
	)
}

// What a handler may answer with, beside what the json module takes.
func TestPythonAnswers(t *testing.T) {
	r := must(t, "python3.12")
	app := map[string]string{"app.py": `
from decimal import Decimal
def handler(e, c):
    if e == 1: return {"n": Decimal("1.10"), "l": [Decimal("-3"), "x"], "name": "é"}
    if e == 2: return b"\x00raw"
    return [c.client_context.client, c.client_context.env, c.tenant_id]
`}
	s := serve(t, r, "app.handler", app, `1`, `2`, `3`)
	if len(s.Posts) != 3 || s.Posts[0].Body != `{"n": 1.10, "l": [-3, "x"], "name": "é"}` || s.Posts[1].Body != "\x00raw" || s.Posts[2].Body != `[null, null, "t"]` {
		t.Errorf("%+v, log\n%s", s.Posts, s.Log)
	}
	// Until Python 3.11 Lambda answers in ASCII.
	s = serveWith(t, r, []string{"AWS_EXECUTION_ENV=AWS_Lambda_python3.11"}, "app.handler", app, `1`)
	if p := s.only(t); p.Body != `{"n": 1.10, "l": [-3, "x"], "name": "\u00e9"}` {
		t.Errorf("%+v", p)
	}
}
