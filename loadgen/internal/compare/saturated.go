package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"coldbench/loadgen/internal/witness"
)

// saturated is what a request costs a client that is never idle: 64 connections,
// each sending its next request when the reply to the last is there, the
// generator on the first processor and the witness on the last, which never
// sleeps: else each tool would pay for waking it, now and then, and the two fall
// in and out of step. It is no load test, and no figure of time from it means anything; it is how the cost of
// clients can be compared.
func (s *settings) saturated(ctx context.Context) (table, error) {
	if _, err := exec.LookPath("taskset"); err != nil {
		_, _ = fmt.Fprintln(s.log, "series saturated is left out: taskset is not installed (util-linux)")
		return table{}, nil
	}
	jobs := []job{{length: 5 * time.Second, flood: 300_000}}
	var pinned []tool
	for _, t := range s.flooders() {
		if strings.Contains(t.name, s.only) {
			pinned = append(pinned, onFirstProcessor(t))
		}
	}
	return s.repeat(ctx, pinned, jobs, witness.Options{Spin: true}, []column{
		arrived,
		{"requests/s", "%.0f", func(_ job, o *outcome) float64 {
			n := len(o.stamps)
			if n < 2 {
				return 0
			}
			return float64(n-1) / (float64(o.stamps[n-1]-o.stamps[0]) / 1e9)
		}},
		cpuEach, rss, others,
	})
}

// flooders are this generator and the peers, each as fast as it can.
func (s *settings) flooders() []tool {
	all := s.ours()
	plain := func(name, program, how string, args func(j job) []string) {
		p := s.find(program)
		if p == "" {
			s.missing(name, how)
			return
		}
		all = append(all, tool{name: name, command: func(ctx context.Context, j job, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, p, args(j)...)
		}})
	}
	fortio := func(more ...string) func(j job) []string {
		return func(j job) []string {
			return append(append([]string{"load", "-quiet", "-qps", "0", "-c", "64", "-t", j.length.String()}, more...), j.url)
		}
	}
	if p := s.find("vegeta"); p != "" {
		t := vegeta(p, "vegeta", "-workers=64", "-max-workers=64", "-connections=64")
		t.hear = nil
		all = append(all, t)
	} else {
		s.missing("vegeta", howVegeta)
	}
	plain("fortio", "fortio", howFortio, fortio())
	plain("fortio -stdclient", "fortio", howFortio, fortio("-stdclient"))
	plain("wrk", "wrk", "Debian package wrk", func(j job) []string {
		return []string{"-t1", "-c64", fmt.Sprintf("-d%d", int(j.length.Seconds())), j.url}
	})
	return all
}

// onFirstProcessor is t kept on one processor from its start, so that a Go
// program sees one.
func onFirstProcessor(t tool) tool {
	command := t.command
	t.command = func(ctx context.Context, j job, dir string) *exec.Cmd {
		cmd := command(ctx, j, dir)
		under := exec.CommandContext(ctx, "taskset", append([]string{"-c", "0", cmd.Path}, cmd.Args[1:]...)...)
		under.Stdin = cmd.Stdin
		return under
	}
	return t
}
