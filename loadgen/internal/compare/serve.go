package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"coldbench/loadgen/internal/witness"
)

// serve is the child that witnesses: it prints its address, serves until its
// standard input ends, and prints the stamps in binary.
func serve(_ context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var o witness.Options
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.CPU, "cpu", 0, "processor")
	fs.DurationVar(&o.StallAt, "stall-at", 0, "begin of the stall")
	fs.DurationVar(&o.StallFor, "stall-for", 0, "length of the stall")
	fs.BoolVar(&o.Answers, "answers", false, "print the times of the answers too, after all stamps")
	fs.BoolVar(&o.Spin, "spin", false, "look for requests without pause")
	fs.IntVar(&o.Capacity, "capacity", 1<<21, "room for stamps")
	if err := fs.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	o.Pin = true
	s, err := witness.Listen(o)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		s.Stop()
	}()
	if _, err := fmt.Fprintln(stdout, s.Address()); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}
	if err := s.Serve(); err != nil {
		return err
	}
	stamps, unstamped := s.Stamps()
	if unstamped > 0 {
		return fmt.Errorf("the kernel gave no time for %d of %d requests", unstamped, int64(len(stamps))+unstamped)
	}
	out := bufio.NewWriter(stdout)
	var b [8]byte
	for _, at := range slices.Concat(stamps, s.Answered()) {
		binary.LittleEndian.PutUint64(b[:], uint64(at))
		if _, err := out.Write(b[:]); err != nil {
			return fmt.Errorf("print the stamps: %w", err)
		}
	}
	return out.Flush()
}

// server is a running witness.
type server struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
	url string
}

func (s *settings) startServer(ctx context.Context, o witness.Options) (*server, error) {
	cmd := exec.CommandContext(ctx, s.self, "serve", fmt.Sprint("-cpu=", runtime.NumCPU()-1), fmt.Sprint("-spin=", o.Spin),
		fmt.Sprint("-stall-at=", o.StallAt), fmt.Sprint("-stall-for=", o.StallFor), fmt.Sprint("-answers=", o.Answers))
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the witness: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the witness: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the witness: %w", err)
	}
	w := &server{cmd: cmd, in: in, out: bufio.NewReader(out)}
	address, err := w.out.ReadString('\n')
	if err != nil {
		_, _, _ = w.stop(false)
		return nil, fmt.Errorf("start the witness: no address: %w", err)
	}
	w.url = "http://" + strings.TrimSpace(address) + "/"
	return w, nil
}

// stop ends the witness and returns its stamps and, if it noted them, the times
// of its answers, both in the order of the stamps.
func (w *server) stop(withAnswers bool) (stamps, answered []int64, err error) {
	_ = w.in.Close()
	b, err := io.ReadAll(w.out)
	if wait := w.cmd.Wait(); wait != nil {
		return nil, nil, fmt.Errorf("the witness: %w", wait)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the stamps: %w", err)
	}
	all := make([]int64, len(b)/8)
	for i := range all {
		all[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	// They are in the order of serving, which is not that of sending.
	if !withAnswers {
		slices.Sort(all)
		return all, nil, nil
	}
	n := len(all) / 2
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(all[a], all[b]) })
	for _, i := range order {
		stamps, answered = append(stamps, all[i]), append(answered, all[n+i])
	}
	return stamps, answered, nil
}
