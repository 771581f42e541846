package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// badServer answers each connection with f, until the test ends.
func badServer(t *testing.T, f func(net.Conn, <-chan struct{})) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				f(conn, end)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		close(end)
		running.Wait()
	})
	return "http://" + l.Addr().String() + "/"
}

// Whatever a target does, the run ends, and every arrival is a row.
func TestTargetsThatMisbehave(t *testing.T) {
	request := func(c net.Conn) bool {
		_, err := http.ReadRequest(bufio.NewReader(c))
		return err == nil
	}
	resets := badServer(t, func(c net.Conn, _ <-chan struct{}) {
		if request(c) {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
	})
	silent := badServer(t, func(c net.Conn, end <-chan struct{}) {
		go func() {
			<-end
			_ = c.Close()
		}()
		_, _ = io.Copy(io.Discard, c)
	})
	stalls := badServer(t, func(c net.Conn, end <-chan struct{}) {
		if request(c) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
			go func() {
				<-end
				_ = c.Close()
			}()
			_, _ = io.Copy(io.Discard, c)
		}
	})
	for _, tt := range []struct{ name, target, outcome string }{
		{"refuses", "http://127.0.0.1:1/", "transport_error"},
		{"resets", resets, "transport_error"},
		{"never answers", silent, "timeout"},
		{"stalls in the body", stalls, "timeout"},
	} {
		for _, client := range []string{"net/http", "lean"} {
			t.Run(tt.name+" "+client, func(t *testing.T) {
				t.Parallel()
				r := bench(t, t.TempDir(), "steady", "--json", "--target", tt.target, "--client", client, "--rate", "20", "--duration", "500ms", "--timeout", "300ms")
				s := measured(t, r)
				if r.code != exitInvalid || s.Arrivals != 10 || s.Outcomes[tt.outcome] != 10 {
					t.Errorf("exit status %d, %d arrivals, outcomes %v", r.code, s.Arrivals, s.Outcomes)
				}
				oneLine(t, r)
			})
		}
	}
}

// With 64 files in all, a burst of 200 is 200 rows, and the reason is said
// before and in each.
func TestLimitOf64Files(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh to lower the limit of open files with:", err)
	}
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	for _, client := range []string{"net/http", "lean"} {
		t.Run(client, func(t *testing.T) {
			cmd := benchCommand(t, t.TempDir())
			line := fmt.Sprintf(`ulimit -n 64 && exec "$0" spiky --json --target %s --client %s --burst 200 --base-rate 0 --offset 0s --duration 1s --timeout 500ms`, server.URL, client)
			sh := exec.Command("sh", "-c", line, cmd.Path)
			sh.Dir, sh.Env = cmd.Dir, cmd.Env
			var out, errs strings.Builder
			sh.Stdout, sh.Stderr = &out, &errs
			_ = sh.Run() // the exit status is looked at below
			r := result{out.String(), errs.String(), sh.ProcessState.ExitCode()}
			s := measured(t, r)
			if r.code != exitInvalid || s.Arrivals != 200 || s.Outcomes["not_sent"] < 136 || s.Outcomes["timeout"] < 1 {
				t.Errorf("exit status %d, outcomes %v\n%s", r.code, s.Outcomes, r.stderr)
			}
			if !strings.Contains(r.stderr, "the limit of open files allows") {
				t.Errorf("no warning before:\n%s", r.stderr)
			}
		})
	}
}

// HTTP/2 goes over one connection, with prior knowledge where there is no TLS.
func TestHTTP2(t *testing.T) {
	var conns, requests sync.Map
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conns.Store(r.RemoteAddr, true)
		requests.Store(r.Proto, true)
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols.SetHTTP1(true)
	server.Start()
	defer server.Close()
	s := measured(t, bench(t, t.TempDir(), "steady", "--json", "--http2", "--target", server.URL, "--rate", "50", "--duration", "1s"))
	refusedOnlyForLag(t, s)
	if s.Outcomes["ok"] != 50 {
		t.Errorf("outcomes %v", s.Outcomes)
	}
	count := func(m *sync.Map) (n int) {
		m.Range(func(_, _ any) bool { n++; return true })
		return n
	}
	if _, ok := requests.Load("HTTP/2.0"); !ok || count(&requests) != 1 || count(&conns) != 1 {
		t.Errorf("%d protocols, %d connections", count(&requests), count(&conns))
	}
}
