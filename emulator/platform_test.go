package emulator

import (
	"testing"
	"time"
)

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// The wanted lines are shaped as those recorded from AWS and found in public
// logs; the sums are in the names.
func TestReportLine(t *testing.T) {
	for _, c := range []struct {
		name string
		r    report
		want string
	}{
		{
			"cold: ceil(3.01 + 110.10) = 114",
			report{RequestID: "id", Duration: ms(3.01), Init: ms(110.10), MemoryMB: 128, PeakMB: 36},
			"REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
		},
		{
			"warm: ceil(2.90) = 3",
			report{RequestID: "id", Duration: ms(2.9), MemoryMB: 128, PeakMB: 36},
			"REPORT RequestId: id\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n",
		},
		{
			"time-out: ceil(3000.00 + 402.04) = 3403",
			report{RequestID: "id", Duration: 3 * time.Second, Init: ms(402.04), MemoryMB: 128, PeakMB: 73, Status: "timeout"},
			"REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3403 ms\tMemory Size: 128 MB\tMax Memory Used: 73 MB\tInit Duration: 402.04 ms\tStatus: timeout\n",
		},
		{
			"peak above the limit is printed as the limit",
			report{RequestID: "id", Duration: ms(143.12), MemoryMB: 128, PeakMB: 130, Status: "error", ErrorType: "Runtime.OutOfMemory"},
			"REPORT RequestId: id\tDuration: 143.12 ms\tBilled Duration: 144 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n",
		},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestBilledIsTheCeilingOfTheSum(t *testing.T) {
	for _, c := range []struct {
		duration, init float64
		want           int64
	}{
		{3000, 402.04, 3403},
		{3000, 67.41, 3068},
		{133.61, 80, 214},
		{3016.78, 84, 3101},
		{2, 0, 2},
		{2.004, 0, 2}, // printed as 2.00
		{0.4, 0, 1},
	} {
		r := report{Duration: ms(c.duration), Init: ms(c.init)}
		if got := r.billed(); got != c.want {
			t.Errorf("%v + %v: billed %d, want %d", c.duration, c.init, got, c.want)
		}
	}
}

func TestInitReportLine(t *testing.T) {
	for _, c := range []struct {
		r    initReport
		want string
	}{
		{initReport{Duration: ms(10009.13), Phase: "init", Status: "timeout"}, "INIT_REPORT Init Duration: 10009.13 ms\tPhase: init\tStatus: timeout\n"},
		{initReport{Duration: ms(99.65), Phase: "invoke", Status: "error", ErrorType: "Runtime.ExitError"}, "INIT_REPORT Init Duration: 99.65 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"},
		{initReport{Duration: ms(13316.04)}, "INIT_REPORT Init Duration: 13316.04 ms\n"},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestScrubErrorType(t *testing.T) {
	for given, want := range map[string]string{
		"Runtime.ImportModuleError": "Runtime.ImportModuleError", "Function.CustomError": "Function.CustomError",
		"Function.custom": "Function.Unknown", "Exception": "Runtime.Unknown", "": "Runtime.Unknown", "Runtime.X y": "Runtime.Unknown",
	} {
		if got := scrubErrorType(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestLogStoreDropsTheOldest(t *testing.T) {
	s := newLogStore(10*(100+eventOverhead), 0, LogFaults{})
	text := string(make([]byte, 100))
	for range 25 {
		s.append("g", "s", time.UnixMilli(1), text)
	}
	g := s.groups["g"]
	if len(g.events) != 10 || g.dropped != 15 || g.first != 15 || g.bytes != 10*(100+eventOverhead) || g.streams["s"].bytes != g.bytes {
		t.Errorf("%d events, %d dropped, first %d, %d bytes", len(g.events), g.dropped, g.first, g.bytes)
	}
}
