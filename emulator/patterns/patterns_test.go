package patterns

import (
	"strings"
	"testing"
)

// The event and many of the patterns are the shapes of the CloudWatch Logs user
// guide; the values are ours.
const event = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],
"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"latency":55.5,"code":"403",
"user":{"id":1,"email":"ann@example.com"},"coordinates":[[0,1,2],[4,5,6]],"detail-type":"x","text":"Ev*ent \"q\""}` + "\n"

const access = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534` + "\n"

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{``, "anything", true},
		{`""`, "anything", true},
		{`ERROR`, "[ERROR] A fatal exception", true},
		{`ERROR`, "Exiting with ERRORCODE: -1", true},
		{`error`, "[ERROR]", false}, // case counts
		{`ERROR Exception`, "[ERROR] Unhandled Exception", true},
		{`ERROR Exception`, "[ERROR] Unhandled", false},
		{`"ERROR" -"Exiting"`, "Exiting with ERRORCODE: -1", false},
		{`"ERROR" - Exiting`, "Exiting with ERRORCODE: -1", false},
		{`ERROR -WARN`, "ERROR message", true},
		{`-WARN`, "ERROR message", true},
		{`"a \"quoted\" \\ word"`, `a "quoted" \ word`, true},
		{`?ERROR ?WARN`, "WARN message", true},
		{`?ERROR ?WARN`, "INFO message", false},
		{`?"REPORT RequestId" ?INIT_START`, "REPORT RequestId: 1", true},
		{`?ERROR ?WARN REQUEST`, "INFO REQUEST", true}, // beside others a question mark is ignored

		{`%ERR(OR)?%`, "", false},
		{`%10\.10\.0\.1%`, "ip 10.10.0.1", true},
		{`%colou?r%`, "colour", true},
		{`%^2[0-9]{2}$%`, "204", true},
		{`%\[ERROR\]\s[a-z]+|x%`, "[ERROR] no", true},

		{`{ $.eventType = "UpdateTrail" }`, event, true},
		{`{ $.eventType = Update* }`, event, true},
		{`{ $.eventType = *Trail }`, event, true},
		{`{ $.eventType = "*dateTr*" }`, event, true},
		{`{ $.eventType = * }`, event, true},
		{`{ $.nothing = * }`, event, false},
		{`{ $.text = "Ev*ent \"q\"" }`, event, true}, // inside, an asterisk is itself
		{`{ $.sourceIPAddress != 123.123.* }`, event, true},
		{`{ $.sourceIPAddress != 111.111.* }`, event, false},
		{`{ $.nothing != 1 }`, event, false},
		{`{ $.arrayKey[0] = "value" }`, event, true},
		{`{ $.arrayKey[2] = "value" }`, event, false},
		{`{ $.arrayKey[*] = "another value" }`, event, true},
		{`{ $.arrayKey != "value" }`, event, false}, // a list is no value
		{`{ $.user.* = 1 }`, event, true},
		{`{ $.objectList[1].id = 2 }`, event, true},
		{`{ $.objectList[*].id = 2 }`, event, true},
		{`{ $.eventType[0] = U }`, event, false},
		{`{ $.SomeObject IS NULL }`, event, true},
		{`{ $.ThisFlag IS NULL }`, event, false},
		{`{ $.SomeOtherObject IS NULL }`, event, false},
		{`{ $.SomeOtherObject NOT EXISTS }`, event, true},
		{`{ $.SomeObject NOT EXISTS }`, event, false},
		{`{ $.ThisFlag IS TRUE }`, event, true},
		{`{ $.ThisFlag IS FALSE }`, event, false},
		{`{ $.latency >= 55.5 && $.latency < +1e2 }`, event, true},
		{`{ $.latency > 5.55e1 }`, event, false},
		{`{ $.eventType > 5 }`, event, false},
		{`{ $.code = 403 }`, event, true},
		{`{ $.code = 4* }`, event, true},
		{`{ $.detail-type = x }`, event, true},
		{`{ ($.user.id = 1) && ($.user.email = "ann@example.com") }`, event, true},
		{`{ ($.user.id = 2 && $.user.email = no) || $.arrayKey[1] = "GET" }`, event, false},
		{`{ $.user.id = 1 || $.coordinates[0][1] = no && $.code = no }`, event, true}, // && first
		{`{ ($.user.id = 1 || $.coordinates[0][1] = no) && $.code = no }`, event, false},
		{`{ $.coordinates[1][0] = 4 }`, event, true},
		{`{ $.eventType = %^Up[a-z]+Trail$% && $.code != %5..% }`, event, true},
		{`{ $.eventType = x }`, "START RequestId: 1", false},
		{`{ $.a = 1 }`, `{"a":1} and more`, false},

		{`[ip, user, username, timestamp, request, status_code, bytes]`, access, true},
		{`[ip, user, username, timestamp, request, status_code]`, access, false},
		{`[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes > 1000]`, access, true},
		{`[ip, user, username, timestamp, request, status_code = 4* && status_code != 404, bytes]`, access, false},
		{`[..., status_code = 404 || status_code = 410, bytes]`, access, true},
		{`[ip, user, ..., status_code, bytes <= 1533]`, access, false},
		{`[ip != 127.0.0.*, ...]`, access, false},
		{`[ip=%127\.0\.0\.[1-9]%, ...]`, access, true},
		{`[..., request=*.html*, status_code=4*,]`, access, true},
		{`[w1=ERROR || w1=WARN, w2]`, "WARN message", true},
		{`[w1=ERROR, w2]`, "ERROR WARN message", false},
		{`[(a = 1 || a = 2) && b = 3, b]`, "2 3", true},
		{`[a, ..., b]`, "1 2", true},
		{`[a, ..., b]`, "1", false},
		{`[timestamp=*Z, request_id="*-*", event]`, "2026-11-23T10:00:00Z 1-2 [a \"b\" c]", true},
	} {
		match, err := Compile(c.pattern)
		if err != nil {
			if c.pattern == `%ERR(OR)?%` { // no groups, as the guide says
				continue
			}
			t.Errorf("%s: %v", c.pattern, err)
		} else if got := match == nil || match(c.text); got != c.want {
			t.Errorf("%s on %.60q: %v", c.pattern, c.text, got)
		}
	}
}

// TestRefused: the words of the first four were seen from the service.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{`?Status: timeout`, "Invalid character(s) in term ':'"},
		{`message(s)`, "Invalid character(s) in term '('"},
		{"`ERROR`", "Invalid character(s) in term '`'"},
		{`a,b`, "Invalid character(s) in term ','"},
		{`%something!%`, "Invalid character(s) in term '!'"},
		{`%a% b`, "Invalid character(s) in term 'b'"},
		{`%a[%`, "Invalid filter pattern: error parsing regexp: missing closing ]: `[`"},
		{`%a`, "Invalid filter pattern: a regular expression is not closed"},
		{`"a`, "Invalid filter pattern: a quote is not closed"},
		{`?`, "Invalid filter pattern: it ends too early"},
		{`{ $.a = 1`, "Invalid filter pattern: it ends too early"},
		{`{ a = 1 }`, "Invalid character(s) in term 'a'"},
		{`{ $."a" = 1 }`, "Invalid character(s) in term '\"'"},
		{`{ $ = 1 }`, "Invalid character(s) in term '='"},
		{`{ $.a[x] = 1 }`, "Invalid character(s) in term 'x'"},
		{`{ $.a = 1 } x`, "Invalid character(s) in term 'x'"},
		{`{ $.a IS 1 }`, "Invalid character(s) in term '1'"},
		{`{ $.a NOT NULL }`, "Invalid character(s) in term 'N'"},
		{`{ $.a > b }`, "Invalid filter pattern: > wants a number"},
		{`{ $.a[*].b[*] = 1 }`, "Invalid filter pattern: more than one wildcard in a selector, or more than 3 in all"},
		{`{ $.a = %a% || $.a = %b% || $.a = %c% }`, "Invalid filter pattern: more than 2 regular expressions"},
		{`{ ` + strings.Repeat("(", 60), "Invalid filter pattern: too many brackets"},
		{`[..., a, ...]`, "Invalid filter pattern: more than one ellipsis"},
		{`[a, a]`, "Invalid filter pattern: two columns are named a"},
		{`[a, c = 1 && d > 2]`, "Invalid filter pattern: no column is named d"},
		{`[a b]`, "Invalid character(s) in term 'b'"},
		{`[a`, "Invalid filter pattern: it ends too early"},
		{`[a] x`, "Invalid character(s) in term 'x'"},
	} {
		if _, err := Compile(c.pattern); err == nil || err.Text != c.want {
			t.Errorf("%s: %v, want %s", c.pattern, err, c.want)
		}
	}
}

// FuzzCompile: a pattern is refused with a text, or takes any event.
func FuzzCompile(f *testing.F) {
	for _, p := range []string{
		`ERROR -"x y" ?z`, `%a[b]+\s%`, `{ ($.a.b[0] = "x*" || $.c IS NULL) && $.d NOT EXISTS && $.e[*].f >= 1e3 }`,
		`[ip, ..., status = 4* && status != %40[0-9]%, bytes > 10,]`,
	} {
		f.Add(p, event)
		f.Add(p, access)
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 1024 { // the service's limit
			return
		}
		match, err := Compile(pattern)
		if err != nil && err.Text == "" {
			t.Errorf("%q is refused without a word", pattern)
		}
		if err == nil && match != nil {
			match(text)
		}
	})
}
