package loadgen_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/target/scripted"
)

func TestCalibrate(t *testing.T) {
	c, err := loadgen.Calibrate(t.Context(), 50*ms)
	if err != nil {
		t.Fatal(err)
	}
	// 50 waits, one each millisecond; how late is the machine's affair.
	if c.Waiter == "" || c.WakeUp.N != 50 || c.WakeUp.P50 <= 0 || c.PerSecond <= 0 {
		t.Errorf("%+v", c)
	}
}

func TestForesee(t *testing.T) {
	burst := loadgen.Together(loadgen.Every(time.Hour, 0, time.Hour), 300)
	if w := loadgen.Foresee(loadgen.Config{Schedule: burst, Target: scripted.New()}, 0); len(w) != 0 {
		t.Errorf("%+v", w)
	}
	w := loadgen.Foresee(loadgen.Config{Schedule: burst, Target: scripted.New(), MaxInFlight: 299}, 300)
	if len(w) != 1 || w[0].Code != "in_flight_limit" || w[0].Remedy == "" {
		t.Errorf("%+v", w)
	}
	w = loadgen.Foresee(loadgen.Config{Schedule: burst, Target: scripted.New(), MaxInFlight: 1 << 40, FilesPerRequest: 1 << 40}, 0)
	if len(w) != 2 || w[0].Code != "file_limit" {
		t.Errorf("%+v", w)
	}
	w = loadgen.Foresee(loadgen.Config{Schedule: burst, Target: files(1 << 50), MaxInFlight: 10_000}, 0)
	if len(w) != 2 || w[0].Code != "file_limit" {
		t.Errorf("%+v", w)
	}
	if w = loadgen.Foresee(loadgen.Config{Schedule: burst, Target: files(0), MaxInFlight: 10_000}, 0); len(w) != 0 {
		t.Errorf("%+v", w)
	}
	w = loadgen.Foresee(loadgen.Config{Schedule: burst, Target: scripted.New()}, 299)
	if len(w) != 1 || w[0].Code != "rate_limit" || w[0].Remedy == "" {
		t.Errorf("%+v", w)
	}
	// A port has 16 bits.
	w = loadgen.Foresee(loadgen.Config{Schedule: burst, Target: scripted.New(), MaxInFlight: 1 << 40}, 0)
	if runtime.GOOS == "linux" && (len(w) != 1 || w[0].Code != "port_limit") {
		t.Errorf("%+v", w)
	}
}

// files is a target that says how many files a request costs.
type files int

func (f files) FilesPerRequest() int                                    { return int(f) }
func (files) Preconnect(context.Context, int) error                     { return nil }
func (files) Invoke(context.Context, loadgen.Request) (r loadgen.Reply) { return r }
