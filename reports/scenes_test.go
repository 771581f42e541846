package reports

import (
	"time"

	"coldbench/record"
)

// attacks are texts that want to be more than text.
var attacks = []string{
	`</script><img src=x onerror=window.fired=1>`, `"><svg onload=window.fired=1>`, `' onmouseover='window.fired=1`,
	"\x1b[31mred\x1b[0m \x07", "a|b`c`[d](javascript:window.fired=1)", "\u202egnp.exe", "]]><!--", "&lt;b&gt;", "\xff\xfe", "line\nbreak",
}

// hostileScene puts an attack into every text that comes from outside.
func hostileScene() *scene {
	s := spiky()
	all := ""
	for _, a := range attacks {
		all += a + " "
	}
	s.plan.Target = "https://example.test/?" + all
	s.plan.Region = "" // a region decides the tariff
	s.plan.Endpoint = all
	s.plan.Emulator = map[string]string{"keep_alive": all}
	s.plan.Tool = all
	s.plan.Functions[0] = record.Function{Name: all, Runtime: all, Arch: all, Qualifier: all, MemoryMB: 128}
	s.gen.Waiter, s.gen.PreconnectError, s.gen.InFlightLimitBy = all, all, all
	s.host.Limits["local_ports"] = all
	s.failed(0, record.NotSent, all, all)
	for i, a := range attacks {
		s.failed(time.Duration(i)*time.Second, record.FunctionError, a, a)
		j := &s.rows[i]
		j.RequestID, j.Tag, j.Platform.LogStream = a, record.Tag(a), a
	}
	return s
}

// fewScene has too few starts for anything.
func fewScene() *scene {
	s := newScene(record.Load{Shape: record.ShapeSteady, Duration: record.Duration(3 * time.Second), Rate: 1})
	s.ok(0, record.TagBase, record.StartCold, "a")
	s.ok(time.Second, record.TagBase, record.StartWarm, "a")
	s.ok(2*time.Second, record.TagBase, record.StartWarm, "a")
	return s
}

// urlScene is an HTTP target: nothing says which starts were cold.
func urlScene() *scene {
	s := newScene(record.Load{Shape: record.ShapeSteady, Duration: record.Duration(20 * time.Second), Rate: 100})
	s.plan.Provenance, s.plan.Target, s.plan.Functions, s.plan.ExpectReports = record.Measured, "https://example.test/health", nil, false
	for i := range 2000 {
		j := s.ok(time.Duration(i)*10*time.Millisecond, record.TagBase, record.StartUnknown, "")
		j.Platform = nil
		if j.Conn = (record.Conn{Reused: i >= 8, Wait: j.TTFB()}); i < 8 {
			j.Conn.Connect = ms(0.2)
			j.Conn.Wait -= j.Conn.Connect
		}
		if i%500 == 99 {
			j.Outcome, j.Status, j.ErrorType = record.FunctionError, 503, "HTTP.503"
		}
	}
	return s
}
