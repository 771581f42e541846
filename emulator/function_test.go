package emulator_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// The test binary is also the function under test: started with TEST_FUNCTION
// set it speaks the Runtime API instead of running tests.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_FUNCTION") {
	case "":
	case "aws-lambda-go":
		lambda.Start(func(_ context.Context, event json.RawMessage) (json.RawMessage, error) { return event, nil })
	case "url":
		lambda.Start(streamURL)
	case "echo":
		runEcho()
	case "sigterm":
		lambda.StartWithOptions(func(context.Context) (string, error) { return "ok", nil }, lambda.WithEnableSIGTERM(func() { fmt.Println("function: SIGTERM") }))
	case "extension":
		runExtension(strings.Fields(os.Getenv("TEST_EXTENSION")))
	default:
		if strings.HasPrefix(os.Args[0], "/opt/extensions/") { // in an image, where no script says so
			os.Args = []string{"", os.Args[0]}
			runExtension(nil)
		}
		runFunction()
	}
	os.Exit(m.Run())
}

// streamURL answers a function URL in two parts, the second when whoever listens
// at the address in the request's body has sent a byte.
func streamURL(_ context.Context, e events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
	r, w := io.Pipe()
	go func() {
		fmt.Fprintf(w, "first of %s;", e.RequestContext.AccountID)
		if c, err := net.Dial("tcp", e.Body); err == nil {
			_, _ = c.Read(make([]byte, 1))
			c.Close()
		}
		fmt.Fprint(w, "second")
		w.Close()
	}()
	return &events.LambdaFunctionURLStreamingResponse{
		StatusCode: http.StatusAccepted, Headers: map[string]string{"X-A": "b", "Content-Type": "text/plain"}, Cookies: []string{"c=d"}, Body: r,
	}, nil
}

// runEcho is a plain net/http echo server in a process of its own. It ends with
// its standard input.
func runEcho() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
}

// order is the event that the function understands.
type order struct {
	Do    string
	MS    int
	Code  int
	Bytes int
	Text  string
}

// runtimeClient is the smallest client of the Runtime API.
type runtimeClient struct {
	base   string
	notes  []string // statuses of calls that should fail
	served int
	events [][]byte
	ticks  *atomic.Int64
}

func runFunction() {
	c := &runtimeClient{base: "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"}
	c.init(os.Getenv("TEST_INIT"))
	for {
		resp, err := http.Get(c.base + "invocation/next")
		if err != nil {
			os.Exit(1)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		c.handle(resp.Header, body)
	}
}

// init does what TEST_INIT says: "sleep:300ms", "error", "exit:7", "hang",
// "once:exit:7" (only in the first process of the environment).
func (c *runtimeClient) init(how string) {
	if rest, ok := strings.CutPrefix(how, "once:"); ok {
		mark := os.TempDir() + "/mark"
		if _, err := os.Stat(mark); err == nil {
			return
		}
		_ = os.WriteFile(mark, nil, 0o600)
		how = rest
	}
	kind, arg, _ := strings.Cut(how, ":")
	switch kind {
	case "hooks": // of SnapStart: parks for the snapshot, goes on when restored
		resp, err := http.Get(c.base + "restore/next")
		if err != nil {
			os.Exit(1)
		}
		resp.Body.Close()
		switch arg {
		case "hang":
			select {}
		case "error":
			c.post("restore/error", `{"errorMessage":"hook","errorType":"Runtime.HookError"}`, "Runtime.HookError")
			os.Exit(1)
		case "refused":
			c.notes = append(c.notes, resp.Status)
		default:
			d, _ := time.ParseDuration(arg)
			time.Sleep(d)
		}
	case "get": // waits for the test's answer
		if resp, err := http.Get(arg); err == nil {
			resp.Body.Close()
		}
	case "sleep":
		d, _ := time.ParseDuration(arg)
		time.Sleep(d)
	case "error":
		c.post("init/error", `{"errorMessage":"no such module","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}`, "Runtime.ImportModuleError")
		os.Exit(1)
	case "exit":
		var code int
		fmt.Sscan(arg, &code)
		os.Exit(code)
	case "spin":
		var n int
		fmt.Sscan(arg, &n)
		spin(n)
	case "chatter":
		go func() {
			for range time.Tick(200 * time.Microsecond) {
				fmt.Println("chatter")
			}
		}()
	case "hang":
		select {}
	case "internal":
		c.internal(arg)
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
	}
}

func (c *runtimeClient) post(path, body, errorType string) int {
	req, _ := http.NewRequest(http.MethodPost, c.base+path, strings.NewReader(body))
	if errorType != "" {
		req.Header.Set("Lambda-Runtime-Function-Error-Type", errorType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusAccepted {
		c.notes = append(c.notes, fmt.Sprintf("%d %s", resp.StatusCode, answer))
	}
	return resp.StatusCode
}

func (c *runtimeClient) handle(h http.Header, event []byte) {
	id := h.Get("Lambda-Runtime-Aws-Request-Id")
	var o order
	_ = json.Unmarshal(event, &o)
	c.served++
	c.events = append(c.events, event)
	answer := func(v any) {
		b, _ := json.Marshal(v)
		c.post("invocation/"+id+"/response", string(b), "")
	}
	switch o.Do {
	case "get": // waits for the test's answer
		if resp, err := http.Get(o.Text); err == nil {
			resp.Body.Close()
		}
		answer("got")
	case "sleep":
		time.Sleep(time.Duration(o.MS) * time.Millisecond)
		answer(cmp.Or(o.Text, "slept"))
	case "exit":
		os.Exit(o.Code)
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.Signal(o.Code))
		select {}
	case "error":
		c.post("invocation/"+id+"/error", `{"errorMessage":"`+o.Text+`","errorType":"CustomError"}`, "Function.CustomError")
	case "big":
		if c.post("invocation/"+id+"/response", `"`+strings.Repeat("x", o.Bytes)+`"`, "") != http.StatusAccepted && o.Text != "stay" {
			os.Exit(1)
		}
	case "print":
		fmt.Println(o.Text)
		fmt.Fprintln(os.Stderr, "to stderr")
		answer("printed")
	case "see":
		answer(see())
	case "mark": // says whether it has been here before
		_, err := os.Stat(os.TempDir() + "/mark")
		_ = os.WriteFile(os.TempDir()+"/mark", nil, 0o600)
		answer(err == nil)
	case "print-many":
		for i := range o.Code {
			fmt.Printf("line %d\n", i)
		}
		answer("printed")
	case "environment":
		answer(os.Environ())
	case "headers":
		answer(h)
	case "pid":
		namespace, _ := os.Readlink("/proc/self/ns/pid")
		answer(processID{os.Getpid(), namespace})
	case "eat":
		b := bytes.Repeat([]byte("x"), o.Bytes)
		answer(len(b))
	case "bomb":
		answer(bomb())
	case "fill":
		answer(fill())
	case "spin":
		before := cpuTime()
		spin(o.Bytes)
		answer((cpuTime() - before).Milliseconds())
	case "twice":
		answer("first")
		answer("second")                                                             // 403
		c.post("invocation/00000000-0000-0000-0000-000000000000/response", "{}", "") // 400
		c.post("invocation/"+id+"/error", "{}", "")                                  // 403
		c.post("init/error", "{}", "")                                               // 403
	case "stream":
		c.stream(id, o)
	case "first-event":
		for _, e := range c.events {
			if bytes.Contains(e, []byte("requestContext")) {
				c.post("invocation/"+id+"/response", string(e), "")
				return
			}
		}
		answer("none yet")
	case "ticks":
		if c.ticks == nil {
			c.ticks = new(atomic.Int64)
			go func() {
				for range time.Tick(time.Millisecond) {
					c.ticks.Add(1)
				}
			}()
		}
		answer(c.ticks.Load())
	case "notes":
		answer(c.notes)
	case "kill":
		_ = syscall.Kill(o.Code, syscall.SIGKILL)
		answer("sent")
	case "bad-mode":
		x := newExtensionClient()
		for _, call := range [][]string{
			{http.MethodPost, "/2018-06-01/runtime/invocation/" + id + "/response", "Lambda-Runtime-Function-Response-Mode", "fast"},
			{http.MethodGet, "/2018-06-01/ping"},
			{http.MethodPost, "/2018-06-01/runtime/invocation/next"},
			{http.MethodGet, "/2018-06-01/runtime/else"},
		} {
			_, text := x.call(call[0], call[1], "{}", call[2:]...)
			c.notes = append(c.notes, text)
		}
	case "extension-calls":
		answer(append(c.notes, refusedCalls()...))
	case "answer-exit":
		answer("answered")
		os.Exit(5)
	case "answer-sleep":
		answer("answered")
		time.Sleep(time.Duration(o.MS) * time.Millisecond)
	case "served":
		answer(c.served)
	default:
		var told struct{ Headers map[string]string }
		if _ = json.Unmarshal(event, &told); told.Headers["x-answer"] != "" {
			event = []byte(told.Headers["x-answer"])
		}
		c.post("invocation/"+id+"/response", string(event), "")
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sink keeps spin from being compiled away.
var sink uint64

// spin burns CPU for n rounds.
func spin(n int) {
	x := uint64(88172645463325252)
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	sink = x
}

// stream answers in parts: o.Code of them, MS apart; the last word is a trailer
// with an error when Text says so.
func (c *runtimeClient) stream(id string, o order) {
	r, w := io.Pipe()
	req, _ := http.NewRequest(http.MethodPost, c.base+"invocation/"+id+"/response", r)
	req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	req.Header.Set("Content-Type", "text/plain")
	req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
	go func() {
		for i := range o.Code {
			fmt.Fprintf(w, "part %d;", i)
			time.Sleep(time.Duration(o.MS) * time.Millisecond)
		}
		if o.Text != "" {
			req.Trailer.Set("Lambda-Runtime-Function-Error-Type", o.Text)
			req.Trailer.Set("Lambda-Runtime-Function-Error-Body", "eyJlcnJvclR5cGUiOiJYIn0=") // {"errorType":"X"}
		}
		w.Close()
	}()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
}
