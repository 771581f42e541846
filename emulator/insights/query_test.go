package insights

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	queryID1 = "0fc78b42-f6e0-400a-be91-71c5d1eadb9a"
	queryID2 = "1fc78b42-f6e0-400a-be91-71c5d1eadb9a"
)

// queryTexts are the log of two invocations and some lines besides, a minute
// apart from 2026-11-23 10:00:00 on.
var queryTexts = []string{
	"START RequestId: " + queryID1 + " Version: $LATEST\n",
	"2026-11-23T10:01:00.000Z\t" + queryID1 + "\tINFO\tuser=ann, ms=12\n",
	"END RequestId: " + queryID1 + "\n",
	"REPORT RequestId: " + queryID1 + "\tDuration: 1394.60 ms\tBilled Duration: 1824 ms\tMemory Size: 128 MB\tMax Memory Used: 79 MB\tInit Duration: 428.60 ms\t\nXRAY TraceId: 1-5\tSegmentId: 7\tSampled: true\n",
	"REPORT RequestId: " + queryID2 + "\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 80 MB\t\n",
	`{"time":"x","type":"platform.report","record":{"metrics":{"durationMs":12.5,"big":9007199254740993}},"list":[{"a":1}],"ok":true}` + "\n",
	"user=bob, ms=7\n",
}

func eventsOf(texts []string) []Event {
	start := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).UnixMilli()
	events := make([]Event, 0, len(texts))
	for i, text := range texts {
		at := start + int64(i)*time.Minute.Milliseconds()
		events = append(events, Event{Group: "123456789012:g", Stream: fmt.Sprintf("s%d", i%2), ID: int64(i), At: at, Ingested: at + 1, Text: text})
	}
	return events
}

func never() bool { return false }

// started is when the queries of the tests were started.
var started = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

// frame is that they are about the hour before.
var frame = Frame{started, started.Add(-time.Hour), started}

// queryAnswer runs a query over the events: columns parted by commas, rows by
// semicolons, without @ptr.
func queryAnswer(t *testing.T, text string) (string, int) {
	t.Helper()
	q, bad := Compile(text)
	if bad != nil {
		t.Fatalf("%s: %s", text, bad.Place(text))
	}
	found := q.Run(eventsOf(queryTexts), frame, DefaultRows, never)
	var out []string
	for _, r := range found.Rows {
		var columns []string
		for _, f := range r {
			if f.Field != "@ptr" {
				columns = append(columns, f.Field+"="+strings.TrimSpace(f.Value))
			}
		}
		out = append(out, strings.Join(columns, ","))
	}
	return strings.Join(out, ";"), found.Matched
}

func TestQueries(t *testing.T) {
	const report = `filter @type = "REPORT" | `
	for _, c := range []struct {
		query, want string
		matched     int
	}{
		// The newest first, unless the query sorts.
		{report + "fields @requestId", "@requestId=" + queryID2 + ";@requestId=" + queryID1, 2},
		// Discovered fields as Java prints doubles; a megabyte is 1,000,000 bytes.
		{
			report + "sort @timestamp | limit 1 | fields @duration, @billedDuration, @initDuration, @memorySize, @maxMemoryUsed, @xrayTraceId, @xraySegmentId",
			"@duration=1394.6,@billedDuration=1824.0,@initDuration=428.6,@memorySize=1.28E8,@maxMemoryUsed=7.9E7,@xrayTraceId=1-5,@xraySegmentId=7", 2,
		},
		{`filter @requestId = "` + queryID1 + `" | stats count(*) as n by @type`, "@type=REPORT,n=1;@type=END,n=1;n=1;@type=START,n=1", 4},
		// A warm start has no @initDuration.
		{report + "fields ispresent(@initDuration) as cold", "cold=0;cold=1", 2},
		{report + "stats count(*) as all, count(@initDuration) as cold, count(@initDuration) * 100 / count(*) as rate", "all=2,cold=1,rate=50", 2},
		// (1394.6 + 3) / 2 = 698.8; nearest rank: pct 50 of two is the first.
		{
			report + "stats avg(@duration), min(@duration), max(@duration), sum(@duration), pct(@duration, 50), pct(@duration, 99), median(@billedDuration)",
			"avg(@duration)=698.8,min(@duration)=3,max(@duration)=1394.6,sum(@duration)=1397.6,pct(@duration, 50)=3,pct(@duration, 99)=1394.6,median(@billedDuration)=3", 2,
		},
		{report + "stats max(@memorySize / 1000 / 1000) as size, max(@maxMemoryUsed/1000/1000) as used, size - used as free", "size=128,used=80,free=48", 2},
		{"stats count(*) by bin(5m)", "bin(5m)=2026-11-23 10:05:00.000,count(*)=2;bin(5m)=2026-11-23 10:00:00.000,count(*)=5", 7},
		{"stats count_distinct(@logStream) as n by @log", "@log=123456789012:g,n=2", 7},
		{"stats count(*) as n by @logStream | filter n > 3 | sort n desc", "@logStream=s0,n=4", 7},
		{"stats count(*) as n by bin(1m) | stats max(n), sum(n)", "max(n)=1,sum(n)=7", 7},
		{`parse "user=*, ms=*" as user, ms | filter ispresent(user) | stats sum(ms) by user | sort user`, "user=ann,sum(ms)=12;user=bob,sum(ms)=7", 2},
		{`filter @message like /user=/ | parse @message /user=(?<who>\w+), ms=(?<n>\d+)/ | sort n | display who, n * 2 as twice`, "who=bob,twice=14;who=ann,twice=24", 2},
		{`parse @message /user=(\w+)/ as who | filter who in ["bob", "eve"] | display who`, "who=bob", 1},
		{`filter type = "platform.report" | fields record.metrics.durationMs, record.metrics.big, list.0.a, ok`, "record.metrics.durationMs=12.5,record.metrics.big=9007199254740993,list.0.a=1,ok=1", 1},
		{`filter @message =~ /^END/ or @message like "platform." | fields strlen(@message) as n | sort n`, "n=52;n=129", 2},
		{`filter not (@message like /RequestId/) and @message not like "user=" | fields @timestamp, @ingestionTime`, "@timestamp=2026-11-23 10:05:00.000,@ingestionTime=2026-11-23 10:05:00.001", 1},
		{`filter @duration > 3 and @duration <= 1394.6 | display toMillis(@timestamp) as ms`, "ms=1795428180000", 1},
		{`filter @duration >= 3 and @duration != 3.0 | display @logStream`, "@logStream=s1", 1},
		{`display @type | filter @type not in ["REPORT"] and ispresent(@type) | dedup @type | limit 5`, "@type=END;@type=START", 2},
		{`fields nothing, @logStream | dedup nothing | limit 2`, "@logStream=s0;@logStream=s1", 7}, // rows without the field stay
		{"fields @logStream | sort @timestamp asc | dedup @logStream", "@logStream=s0;@logStream=s1", 7},
		{"fields 2 ^ 3 ^ 1 + -7 % 4 * (1 - 3) as n, 1 / 0 as none, concat('a', 1, \"b\") as s | limit 1", "n=14,s=a1b", 7},
		{"# a comment\nfields `@message` as m # and one more\n| limit 1", "m=user=bob, ms=7", 7},
		// Deviation of 1394.6 and 3 from their mean 698.8: 695.8.
		{report + "stats stddev(@duration), count_distinct(@memorySize) as sizes", "stddev(@duration)=695.8,sizes=1", 2},
		{`parse "user=*, ms=*" as user, ms | filter ispresent(user) | stats earliest(user), latest(user), sortsFirst(ms), sortsLast(ms)`, "earliest(user)=ann,latest(user)=bob,sortsFirst(ms)=7,sortsLast(ms)=12", 2},
		{"stats count(*) as n by bin(1mo) as m, bin(1q) as q, bin(1yr) as y, bin(2days) as d", "m=2026-11-01 00:00:00.000,q=2026-10-01 00:00:00.000,y=2026-01-01 00:00:00.000,d=2026-11-23 00:00:00.000,n=7", 7},
		{"fields dateceil(@timestamp, 1mo) as m, dateceil(fromMillis(0), 1mo) as z, now() as n | limit 1", "m=2026-12-01 00:00:00.000,z=1970-01-01 00:00:00.000,n=1795431600", 7},
		{"fields ltrim('xyZfooxyZ', 'xyZ') as l, rtrim('xyZfooxyZ', 'xyZ') as r, trim('xyZfooxyZ', 'xyZ') as t, concat('<', trim(' a '), '>') as b | limit 1", "l=fooxyZ,r=xyZfoo,t=foo,b=<a>", 7},
		{"fields isValidIp('10.1.2.3') as a, isValidIpV4('::1') as b, isValidIpV6('::1') as c, isIpInSubnet('10.1.2.3', '10.0.0.0/8') as d, isIpv6InSubnet('10.1.2.3', '10.0.0.0/8') as e, isIpv4InSubnet('x', '10.0.0.0/8') as f | limit 1", "a=1,b=0,c=1,d=1,e=0,f=0", 7},
		{
			"fields jsonParse(@message) as j | filter j.record.metrics.durationMs > 12 | display j.list[0].a as a, j.`record`.metrics as m, list[0].a as b, jsonStringify(j.list) as l",
			`a=1,m={"big":9007199254740993,"durationMs":12.5},b=1,l=[{"a":1}]`, 1,
		},
		{"fields jsonParse('nothing') as n, jsonStringify(@message) as t, jsonParse('[1,[2]]') as l, l[1] as m, l[1][0] as o | limit 1", "l=[1,[2]],m=[2],o=2", 7},
		{"fields replace('foo', 'o', '0') as r, strcontains('foo', 'oo') as s, toupper('a') as u, abs(-2) as a, ceil(1.2) as c, floor(1.8) as f, sqrt(9) as q, greatest(1, 3, 2) as g, least(2, 1) as l | limit 1", "r=f00,s=1,u=A,a=2,c=2,f=1,q=3,g=3,l=1", 7},
		{"limit 1", "@timestamp=2026-11-23 10:06:00.000,@message=user=bob, ms=7", 7},
		{
			"fields datefloor(@timestamp, 1h) as h, dateceil(@timestamp, 1h) as c, coalesce(nothing, 'x') as x, substr('hello', 1, 3) as s, fromMillis(0) as z | limit 1",
			"h=2026-11-23 10:00:00.000,c=2026-11-23 11:00:00.000,x=x,s=ell,z=1970-01-01 00:00:00.000", 7,
		},
	} {
		got, matched := queryAnswer(t, c.query)
		if got != c.want || matched != c.matched {
			t.Errorf("%s\ngot  %s (%d matched)\nwant %s (%d matched)", c.query, got, matched, c.want, c.matched)
		}
	}
}

// TestMalformedQueries: the first text and the shape of the second were seen
// from the service.
func TestMalformedQueries(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"fields @message | dedup @logStream | sort @timestamp", "unexpected symbol found sort at line 1 and position 37"},
		{"fields @message,\n| limit 1", "unexpected symbol found | at line 2 and position 0"},
		{"", "unexpected symbol found <EOF> at line 1 and position 0"},
		{"fields @message |", "unexpected symbol found <EOF> at line 1 and position 17"},
		{"pattern @message", "unexpected symbol found pattern at line 1 and position 0"},
		{"fields nosuch(@message)", "unexpected symbol found nosuch at line 1 and position 7"},
		{"fields count(*)", "unexpected symbol found count at line 1 and position 7"},
		{"filter @message like ERROR", "unexpected symbol found ERROR at line 1 and position 21"},
		{"filter @message like /(/", "invalid regular expression: error parsing regexp: missing closing ): `(` at line 1 and position 21"},
		{"filter @message like /a", "a regular expression is not closed at line 1 and position 21"},
		{"fields 'a", "a quote is not closed at line 1 and position 7"},
		{"limit 100001", "a limit is a number from 1 to 100000 at line 1 and position 6"},
		{"limit 0", "a limit is a number from 1 to 100000 at line 1 and position 6"},
		{"stats pct(@duration)", "wrong number of arguments of pct at line 1 and position 6"},
		{"stats avg(max(@duration))", "unexpected symbol found max at line 1 and position 10"},
		{"stats count(*) as n, @duration - n by @log", "Unknown symbols found in or after stats: @duration at line 1 and position 21"},
		{"stats count(*) by bin(5)", "unexpected symbol found 5 at line 1 and position 22"},
		{"stats count(*) by bin(1fortnight)", "unexpected symbol found 1fortnight at line 1 and position 22"},
		{"parse '* *' as a", "parse has 2 wildcards or groups and 1 names at line 1 and position 6"},
		{"fields " + strings.Repeat("(", 200), "too many brackets at line 1 and position 107"},
		{"parse '" + strings.Repeat("*,", 51) + "' as a", "parse has more than 50 wildcards or groups at line 1 and position 6"},
		{"fields a[x]", "unexpected symbol found x at line 1 and position 9"},
		{"fields a[1", "unexpected symbol found <EOF> at line 1 and position 10"},
		{"fields regexReplace(@message, '(', 'x')", "invalid regular expression: error parsing regexp: missing closing ): `(` at line 1 and position 7"},
		{"stats pct(@duration, queryEndTime())", "a percentile is a number from 0 to 100 at line 1 and position 6"},
		{"parse @message logfmt as a, b", "parse logfmt makes one field at line 1 and position 22"},
		{"parse @message csv", "unexpected symbol found <EOF> at line 1 and position 18"},
		{"fields ~", "unexpected symbol found ~ at line 1 and position 7"},
	} {
		_, bad := Compile(c.query)
		if bad == nil {
			t.Errorf("%s: no error", c.query)
		} else if got := bad.Place(c.query); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, got, c.want)
		}
	}
}

// TestJavaDouble: Double.toString of Java 17.
func TestJavaDouble(t *testing.T) {
	for n, want := range map[float64]string{3: "3.0", 1394.6: "1394.6", 1.28e8: "1.28E8", 1e7: "1.0E7", 9999999: "9999999.0", 0: "0.0", 0.0001: "1.0E-4", -2.5: "-2.5"} {
		if got := javaDouble(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}

// FuzzQuery: whatever a query is, it is refused with a place within it, or its
// results are columns that it named, in rows no more than it may have.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"fields @timestamp, @message | filter @message like /x/ | sort @timestamp desc | limit 20",
		`filter @type = "REPORT" | stats max(@memorySize / 1000 / 1000) as m, pct(@duration, 99), count(*) by bin(5m), @logStream | sort m`,
		"parse @message 'user=*, ms=*' as a, b | dedup a | display a, `b`", "parse /(?<x>.)/ | filter x not in [1, 'a'] and not ispresent(y) or -x ^ 2 >= 1",
		"fields substr(@message, 3, 2), datefloor(@timestamp, 1w), fromMillis(9e99), greatest(1, 'a')", "# c\nlimit 1", "fields jsonParse(@message) as j, j.a[0].`b c` as x | filter jsonStringify(j) like 'a'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		q, bad := Compile(text)
		if bad != nil {
			if bad.Start < 0 || bad.End < bad.Start || bad.End > len(text) || bad.Place(text) == "" {
				t.Fatalf("%q: error at %d to %d", text, bad.Start, bad.End)
			}
			return
		}
		found := q.Run(eventsOf(queryTexts), frame, DefaultRows, never)
		if len(found.Rows) > len(queryTexts) || found.Matched > len(queryTexts) || q.limit > 0 && len(found.Rows) > q.limit {
			t.Fatalf("%q: %d rows, %d matched", text, len(found.Rows), found.Matched)
		}
		for _, r := range found.Rows {
			for _, field := range r {
				if field.Field != "@ptr" && !slices.Contains(q.columns, field.Field) {
					t.Fatalf("%q: column %q", text, field.Field)
				}
			}
		}
	})
}
