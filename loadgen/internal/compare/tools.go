package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"coldbench/loadgen/internal/witness"
	"coldbench/record"
)

// tool is one generator.
type tool struct {
	name    string
	ours    bool
	command func(ctx context.Context, j job, dir string) *exec.Cmd
	hear    func(dir string, stdout []byte) (spoken, error) // nil: it says nothing that is used
	refusal int                                             // exit status of a run whose verdict is INVALID; it counts all the same
}

// How to install the peers.
const (
	howVegeta = "go install github.com/tsenart/vegeta/v12@v12.13.0"
	howFortio = "go install fortio.org/fortio@v1.68.0"
)

// ours are the clients of this generator.
func (s *settings) ours() []tool { return []tool{s.itself("net/http"), s.itself("lean")} }

// tools are this generator and the peers that are installed.
func (s *settings) tools() []tool {
	all := s.ours()
	if p := s.find("vegeta"); p != "" {
		all = append(all, vegeta(p, "vegeta"), vegeta(p, "vegeta, 64 workers", "-workers=64", "-max-workers=64", "-connections=64"))
	} else {
		s.missing("vegeta", howVegeta)
	}
	if p := s.find("fortio"); p != "" {
		all = append(all, fortio(p))
	} else {
		s.missing("fortio", howFortio)
	}
	var chosen []tool
	for _, t := range all {
		if strings.Contains(t.name, s.only) {
			chosen = append(chosen, t)
		}
	}
	return chosen
}

func (s *settings) missing(name, how string) {
	_, _ = fmt.Fprintf(s.log, "%s is not installed and left out (%s)\n", name, how)
}

func (s *settings) itself(client string) tool {
	return tool{
		name: "bench, " + client, ours: true,
		command: func(ctx context.Context, j job, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, s.self, "generate", "-url", j.url, "-client", client, "-arrivals", j.arrivals,
				"-rate", strconv.Itoa(j.rate), "-for", j.length.String(), "-seed", fmt.Sprint(j.seed), "-flood", strconv.Itoa(j.flood))
		},
		hear: func(_ string, stdout []byte) (said spoken, err error) { return said, json.Unmarshal(stdout, &said) },
	}
}

// whole is the bench program, which writes its rows to disk and a report.
func (s *settings) whole(client string) tool {
	return tool{
		name: "bench, " + client + ", rows on disk", ours: true, refusal: 3,
		command: func(ctx context.Context, j job, dir string) *exec.Cmd {
			return exec.CommandContext(ctx, s.bench, "steady", "--quiet", "--json", "--target", j.url, "--client", client, "--arrivals", j.arrivals,
				"--rate", strconv.Itoa(j.rate), "--duration", j.length.String(), "--max-in-flight", "10000", "--out", filepath.Join(dir, "run"))
		},
		hear: func(dir string, _ []byte) (spoken, error) { return fromRun(filepath.Join(dir, "run")) },
	}
}

// fromRun reads a run directory.
func fromRun(dir string) (spoken, error) {
	run, err := record.Open(dir)
	if err != nil {
		return spoken{}, err
	}
	rows := make(seen, run.Plan.Arrivals)
	var n int64
	for row, err := range run.Rows() {
		if err != nil {
			return spoken{}, err
		}
		_ = rows.Record(&row, nil)
		n++
	}
	s := rows.tell()
	s.Start, s.Rows = run.Plan.StartedAt.UnixNano(), n
	return s, nil
}

func vegeta(path, name string, more ...string) tool {
	return tool{
		name: name,
		command: func(ctx context.Context, j job, dir string) *exec.Cmd {
			args := append([]string{"attack", "-rate=" + strconv.Itoa(j.rate), "-duration=" + j.length.String(), "-output=" + filepath.Join(dir, "hits")}, more...)
			cmd := exec.CommandContext(ctx, path, args...)
			cmd.Stdin = strings.NewReader("GET " + j.url + "\n")
			return cmd
		},
		hear: func(dir string, _ []byte) (spoken, error) {
			out, err := exec.Command(path, "report", "-type=json", filepath.Join(dir, "hits")).Output()
			if err != nil {
				return spoken{}, fmt.Errorf("vegeta report: %w", err)
			}
			var r struct {
				Requests  int64 `json:"requests"`
				Latencies struct {
					P50 int64 `json:"50th"`
					P99 int64 `json:"99th"`
					Max int64 `json:"max"`
				} `json:"latencies"`
			}
			err = json.Unmarshal(out, &r)
			return spoken{Sent: r.Requests, P50: r.Latencies.P50, P99: r.Latencies.P99, Max: r.Latencies.Max}, err
		},
	}
}

func fortio(path string) tool {
	return tool{
		name: "fortio -uniform",
		command: func(ctx context.Context, j job, dir string) *exec.Cmd {
			return exec.CommandContext(ctx, path, "load", "-quiet", "-uniform", "-qps", strconv.Itoa(j.rate), "-c", "64", "-t", j.length.String(),
				"-p", "50,99,99.9", "-r", "0.000001", "-json", filepath.Join(dir, "result.json"), j.url)
		},
		hear: func(dir string, _ []byte) (spoken, error) {
			b, err := os.ReadFile(filepath.Join(dir, "result.json"))
			if err != nil {
				return spoken{}, err
			}
			var r struct {
				DurationHistogram struct {
					Count       int64
					Max         float64
					Percentiles []struct{ Percentile, Value float64 }
				}
			}
			if err := json.Unmarshal(b, &r); err != nil {
				return spoken{}, err
			}
			s := spoken{Sent: r.DurationHistogram.Count, Max: int64(r.DurationHistogram.Max * 1e9)}
			for _, p := range r.DurationHistogram.Percentiles {
				switch v := int64(p.Value * 1e9); p.Percentile {
				case 50:
					s.P50 = v
				case 99:
					s.P99 = v
				}
			}
			return s, nil
		},
	}
}

// outcome is one run of one tool.
type outcome struct {
	spoken
	stamps   []int64
	answered []int64 // of a stall, in the order of the stamps
	cpu      time.Duration
	rssMB    float64
	others   float64 // share of the machine that neither generator nor witness used
}

// quietly is once when the machine has nothing else to do: it waits for that
// before, and takes the run again if others used more than the share s.quiet
// of the machine meanwhile; of all tries it keeps the quietest.
func (s *settings) quietly(ctx context.Context, t tool, j job, as witness.Options) (best outcome, err error) {
	best.others = 2
	for range max(1, s.tries) {
		s.awaitQuiet(ctx)
		o, err := s.once(ctx, t, j, as)
		if err != nil {
			return o, err
		}
		if o.others < best.others {
			best = o
		}
		if best.others <= s.quiet {
			break
		}
	}
	return best, nil
}

// awaitQuiet returns when the machine was idle for half a second, or after half
// a minute.
func (s *settings) awaitQuiet(ctx context.Context) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		busy, total := machine()
		time.Sleep(500 * time.Millisecond)
		busyNow, totalNow := machine()
		if busyNow-busy <= s.quiet*(totalNow-total) {
			return
		}
	}
}

// once runs a tool against a witness that serves as as says.
func (s *settings) once(ctx context.Context, t tool, j job, as witness.Options) (outcome, error) {
	var o outcome
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return o, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := s.startServer(ctx, as)
	if err != nil {
		return o, err
	}
	j.url = w.url
	limit, cancel := context.WithTimeout(ctx, 3*j.length+30*time.Second)
	defer cancel()
	cmd := t.command(limit, j, dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	busy, total := machine()
	ran := cmd.Run()
	stamps, answered, stopped := w.stop(as.Answers)
	busyNow, totalNow := machine()
	if cmd.ProcessState == nil {
		return o, fmt.Errorf("%s: %w", t.name, ran)
	}
	if stopped != nil {
		return o, stopped
	}
	if code := cmd.ProcessState.ExitCode(); ran != nil && (t.refusal == 0 || code != t.refusal) {
		return o, fmt.Errorf("%s at %d/s: %w: %s", t.name, j.rate, ran, strings.TrimSpace(errs.String()))
	}
	o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.rssMB = float64(u.Maxrss) / 1024
	}
	served := w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()
	// Ticks of 1/250 s miss the shortest of slices, so that this may be a little
	// too small.
	o.others = max(0, (busyNow-busy-(o.cpu+served).Seconds())/(totalNow-total))
	if t.hear != nil {
		if o.spoken, err = t.hear(dir, out.Bytes()); err != nil {
			return o, fmt.Errorf("%s: read what it says: %w %s", t.name, err, errs.String())
		}
	}
	o.stamps, o.answered = stamps, answered
	return o, nil
}

var cpuLine = regexp.MustCompile(`(?m)^cpu +(.*)$`)

// machine is the processor time, in seconds, that all processors together were
// busy, and that passed, since the boot. On Linux a tick is 10 ms.
func machine() (busy, total float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 1
	}
	m := cpuLine.FindSubmatch(b)
	if m == nil {
		return 0, 1
	}
	for i, f := range strings.Fields(string(m[1])) {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil || i > 7 { // guest time is part of user time
			break
		}
		total += v / 100
		if i != 3 && i != 4 { // idle, waiting for disks
			busy += v / 100
		}
	}
	return busy, total
}
