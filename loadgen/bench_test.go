package loadgen_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
	"coldbench/target/url"
)

// nowhere forgets the rows.
type nowhere struct{}

func (nowhere) Record(*record.Invocation, []byte) error { return nil }

// The cost of one arrival of each kind, without sending.
func BenchmarkSchedule(b *testing.B) {
	const long = 24 * time.Hour
	for name, s := range map[string]loadgen.Schedule{
		"constant": loadgen.Constant(1e6, long),
		"poisson":  loadgen.Poisson(1e6, long, 1),
		"uniform":  loadgen.Uniform(1e6, long, 1),
		"ramp":     loadgen.Ramp(loadgen.Regular(), 1, 2e6, long),
		"sine":     loadgen.Sine(loadgen.Regular(), 1e6, 5e5, time.Hour, long),
		"spread":   loadgen.Spread(loadgen.Every(time.Second, 0, long), 1000, time.Second/2, true, 1),
		"merge":    loadgen.Merge(loadgen.Constant(5e5, long), loadgen.Poisson(5e5, long, 1)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for range s {
				if n++; n >= b.N {
					return
				}
			}
		})
	}
}

// What a request costs the generator itself: everything is due at once and
// answered at once.
func BenchmarkOverhead(b *testing.B) {
	b.ReportAllocs()
	n := 0
	s, err := loadgen.Run(b.Context(), loadgen.Config{
		Schedule: func(yield func(loadgen.Arrival) bool) {
			for ; n < b.N && yield(loadgen.Arrival{}); n++ {
			}
		},
		Target:   scripted.New(),
		Recorder: nowhere{},
		Ahead:    64, MaxLag: time.Hour, Start: time.Now(),
	})
	if err != nil || s.Sent != int64(b.N) {
		b.Fatal(err, s)
	}
}

const serverEnv = "COLDBENCH_TEST_SERVER"

// serveForever is the server of BenchmarkLag, in a process of its own: it
// prints its address and ends with its standard input.
func serveForever() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		var b [1]byte
		_, _ = os.Stdin.Read(b[:])
		os.Exit(0)
	}()
	fmt.Println(l.Addr())
	var first time.Time
	var once sync.Once
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stall" { // nobody is served in the third second
			once.Do(func() { first = time.Now() })
			if at := time.Since(first); at >= 2*time.Second && at < 3*time.Second {
				time.Sleep(3*time.Second - at)
			}
		}
		_, _ = w.Write(make([]byte, 200))
	}))
}

func startServer(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	var address string
	if _, err := fmt.Fscan(out, &address); err != nil {
		b.Fatal(err)
	}
	return "http://" + address
}

// onDisk writes the rows to a run directory.
type onDisk struct{ *record.Writer }

func (d onDisk) Record(row *record.Invocation, _ []byte) error { return d.Writer.Record(row) }

// BenchmarkRecorded is BenchmarkLag with the rows written to disk.
func BenchmarkRecorded(b *testing.B) {
	for _, rate := range []float64{1000, 10_000, 20_000} {
		b.Run(fmt.Sprintf("rate=%g", rate), func(b *testing.B) {
			w, err := record.Create(b.TempDir(), &record.Plan{})
			if err != nil {
				b.Fatal(err)
			}
			lagAt(b, rate, onDisk{w})
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkLag reports how late requests leave at a constant rate, against a
// net/http server in another process of this machine. Run it with a fixed
// count: go test -run - -bench Lag -benchtime 20000x ./loadgen
func BenchmarkLag(b *testing.B) {
	for _, rate := range []float64{1000, 5000, 10_000, 20_000} {
		b.Run(fmt.Sprintf("rate=%g", rate), func(b *testing.B) {
			lagAt(b, rate, nowhere{})
		})
	}
}

func lagAt(b *testing.B, rate float64, rows loadgen.Recorder) {
	b.Helper()
	target, err := url.New(url.Options{URL: startServer(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer target.Close()
	s, err := loadgen.Run(b.Context(), loadgen.Config{
		Schedule: loadgen.Constant(rate, time.Duration(float64(b.N)/rate*1e9)),
		Target:   target,
		Recorder: rows,
	})
	if err != nil {
		b.Fatal(err)
	}
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	b.ReportMetric(us(s.Lag.P50), "lag-p50-us")
	b.ReportMetric(us(s.Lag.P90), "lag-p90-us")
	b.ReportMetric(us(s.Lag.P99), "lag-p99-us")
	b.ReportMetric(us(s.Lag.P999), "lag-p999-us")
	b.ReportMetric(us(s.Lag.Max), "lag-max-us")
	b.ReportMetric(s.CPUSeconds*1e6/float64(s.Sent), "cpu-us/op")
	b.ReportMetric(float64(s.WorkersGrown), "grown")
	b.ReportMetric(float64(s.NotSent), "not-sent")
}

// responses keeps the response times.
type responses struct {
	mu    sync.Mutex
	times []time.Duration
}

func (r *responses) Record(row *record.Invocation, _ []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times = append(r.times, row.Response())
	return nil
}

// BenchmarkStall runs 5 s against a server that serves nobody for one of them.
// A fifth of the rows fell into the stall, evenly: the true p90 is 500 ms, the
// p99 950 ms, the maximum 1 s.
func BenchmarkStall(b *testing.B) {
	for _, rate := range []float64{1000, 5000, 20_000} {
		b.Run(fmt.Sprintf("rate=%g", rate), func(b *testing.B) {
			if b.N > 1 {
				b.Skip("run it with -benchtime 1x")
			}
			target, err := url.New(url.Options{URL: startServer(b) + "/stall"})
			if err != nil {
				b.Fatal(err)
			}
			defer target.Close()
			rows := &responses{}
			s, err := loadgen.Run(b.Context(), loadgen.Config{
				Schedule: loadgen.Constant(rate, 5*time.Second),
				Target:   target, Recorder: rows, MaxInFlight: 30_000,
			})
			if err != nil {
				b.Fatal(err)
			}
			slices.Sort(rows.times)
			at := func(q float64) float64 { return rows.times[int(q*float64(len(rows.times)))].Seconds() * 1e3 }
			b.ReportMetric(at(0.5), "p50-ms")
			b.ReportMetric(at(0.9), "p90-ms")
			b.ReportMetric(at(0.99), "p99-ms")
			b.ReportMetric(at(0.999999), "max-ms")
			b.ReportMetric(float64(s.Lag.P99.Microseconds()), "lag-p99-us")
			b.ReportMetric(float64(s.NotSent), "not-sent")
			b.ReportMetric(float64(s.WorkersGrown), "grown")
			b.ReportMetric(float64(s.GrowthDenied), "denied")
			b.ReportMetric(float64(s.MaxInFlight), "in-flight")
			b.ReportMetric(peakMB(), "peak-MB")
		})
	}
}
