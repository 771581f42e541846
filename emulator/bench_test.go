package emulator_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/sandbox"
)

// BenchmarkWarmInvoke compares a warm Invoke with a plain echo server, in turn,
// one request of each after the other, so that both meet the same machine. The
// ratio of their medians is what the emulator costs. The floor of two hops is a
// handler that asks the echo server itself for its answer. The garbage collector
// has the reserve that bench emulate gives it.
func BenchmarkWarmInvoke(b *testing.B) {
	reserve := make([]byte, 16<<20)
	defer runtime.KeepAlive(reserve)
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	s, err := emulator.New(emulator.Options{WorkDir: b.TempDir(), Limits: "off", Mounts: []sandbox.Mount{{Source: self, Target: self, ReadOnly: true}}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	for name, env := range map[string]map[string]string{"fn": {"TEST_FUNCTION": "1"}, "go": {"TEST_FUNCTION": "aws-lambda-go"}, "ext": {"TEST_FUNCTION": "1"}} {
		opt := ""
		if name == "ext" {
			opt = layer(b, map[string]string{"x": ""})
		}
		if err := s.Install(emulator.LocalFunction{Name: name, Layer: opt, MemoryMB: 1769, Timeout: 10 * time.Second, Command: []string{self}, Env: env}); err != nil {
			b.Fatal(err)
		}
	}
	web := httptest.NewServer(s)
	defer web.Close()
	echo := startEcho(b, self)
	hops := httptest.NewServer(forward(echo))
	defer hops.Close()
	invoke := func(fn string) string { return web.URL + "/2015-03-31/functions/" + fn + "/invocations" }

	for _, c := range []struct{ name, url, tail string }{
		{"two-hops", hops.URL, ""},
		{"minimal", invoke("fn"), ""},
		{"aws-lambda-go", invoke("go"), ""},
		{"aws-lambda-go-tail", invoke("go"), "Tail"},
		{"extension", invoke("ext"), ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			post := func(url string) time.Duration {
				req, _ := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"key":"value"}`))
				if c.tail != "" {
					req.Header.Set("X-Amz-Log-Type", c.tail)
				}
				begin := time.Now()
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Function-Error") != "" {
					b.Fatal(resp.Status)
				}
				return time.Since(begin)
			}
			post(c.url)
			var invokes, echoes []time.Duration
			b.ResetTimer()
			for range b.N {
				echoes = append(echoes, post(echo))
				invokes = append(invokes, post(c.url))
			}
			b.StopTimer()
			slices.Sort(invokes)
			slices.Sort(echoes)
			at := func(d []time.Duration, q float64) float64 { return float64(d[int(q*float64(len(d)-1))].Microseconds()) }
			b.ReportMetric(at(invokes, .5), "p50-µs")
			b.ReportMetric(at(invokes, .99), "p99-µs")
			b.ReportMetric(at(echoes, .5), "echo-p50-µs")
			b.ReportMetric(at(invokes, .5)/at(echoes, .5), "p50-ratio")
			b.ReportMetric(at(invokes, .99)/at(echoes, .99), "p99-ratio")
		})
	}
}

// forward is a handler that asks url for its answer.
func forward(url string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.DefaultClient.Post(url, "", r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(w, resp.Body)
	})
}

// Benchmark64Callers is the throughput of warm invocations with 64 callers.
func Benchmark64Callers(b *testing.B) {
	s, err := emulator.New(emulator.Options{WorkDir: b.TempDir(), Limits: "off"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	f := emulator.LocalFunction{Name: "go", MemoryMB: 1769, Timeout: time.Minute, Command: []string{self}, Env: map[string]string{"TEST_FUNCTION": "aws-lambda-go"}}
	if err := s.Install(f); err != nil {
		b.Fatal(err)
	}
	web := httptest.NewServer(s)
	defer web.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	invoke := func() {
		resp, err := client.Post(web.URL+"/2015-03-31/functions/go/invocations", "", strings.NewReader(`{"key":"value"}`))
		if err != nil {
			b.Error(err)
			return
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Function-Error") != "" {
			b.Errorf("%s: %s", resp.Status, text)
		}
	}
	var cold sync.WaitGroup
	for range 64 {
		cold.Go(func() {
			for range 10 {
				invoke()
			}
		})
	}
	cold.Wait()
	b.ResetTimer()
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			invoke()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invokes/s")
}

// startEcho starts the echo server in a process of its own, as the function is.
func startEcho(b *testing.B, self string) (url string) {
	b.Helper()
	cmd := exec.Command(self)
	cmd.Env = []string{"TEST_FUNCTION=echo"}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(addr)
}
