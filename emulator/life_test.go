package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// streams counts the function's log streams, which are its environments.
func (b *bed) streams() (n int) {
	b.t.Helper()
	pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(b.logs, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/aws/lambda/fn")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			b.t.Fatal(err)
		}
		n += len(page.LogStreams)
	}
	return n
}

// eventually asks again until ok says yes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		case <-again.C:
		}
	}
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// processID is what a process knows of its own id.
type processID struct {
	PID       int
	Namespace string // "" without /proc
}

// pid is the id of the function's process on this machine.
func (b *bed) pid() int {
	b.t.Helper()
	var inside processID
	if err := json.Unmarshal([]byte(b.invoke(order{Do: "pid"}).payload), &inside); err != nil {
		b.t.Fatal(err)
	}
	if own, _ := os.Readlink("/proc/self/ns/pid"); inside.Namespace == own {
		return inside.PID
	}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		status, _ := os.ReadFile(dir + "/status")
		pid := filepath.Base(dir)
		if !strings.Contains(string(status), fmt.Sprintf("\nNSpid:\t%s\t%d\n", pid, inside.PID)) {
			continue
		}
		if namespace, _ := os.Readlink(dir + "/ns/pid"); namespace == inside.Namespace {
			n, _ := strconv.Atoi(pid)
			return n
		}
	}
	b.t.Fatalf("no process %+v here", inside)
	return 0
}

// together invokes n times at once and gives the answers.
func (b *bed) together(n int, o order) []answer {
	b.t.Helper()
	answers := make([]answer, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			a, err := b.try("fn", o)
			if err != nil {
				b.t.Error(err)
			}
			answers[i] = a
		})
	}
	all.Wait()
	return answers
}

func cold(list []answer) (n int) {
	for _, a := range list {
		if strings.Contains(a.log, "Init Duration") {
			n++
		}
	}
	return n
}

func TestBurstIsColdAndTheNextOneWarm(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	const n = 8
	if got := cold(b.together(n, order{Do: "sleep", MS: 500})); got != n {
		t.Errorf("first burst: %d cold of %d", got, n)
	}
	if got := cold(b.together(n, order{Do: "sleep", MS: 20})); got != 0 {
		t.Errorf("second burst: %d cold of %d", got, n)
	}
	if got := b.streams(); got != n {
		t.Errorf("%d log streams", got)
	}
}

func TestKeepAliveEndsTheProcess(t *testing.T) {
	b := newBed(t, emulator.Options{KeepAlive: "fixed:100ms"})
	b.install(emulator.LocalFunction{})
	pid := b.pid()
	eventually(t, "end of the idle environment", func() bool { return !alive(pid) })
	if a := b.invoke(order{}); !strings.Contains(a.log, "Init Duration") {
		t.Errorf("warm after its keep-alive: %q", a.log)
	}
}

func TestUpdateReplacesEnvironments(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	pid := b.pid()
	_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), MemorySize: aws.Int32(512),
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "end of the old environment", func() bool { return !alive(pid) })
	if a := b.invoke(order{}); !strings.Contains(a.log, "Memory Size: 512 MB") || cold([]answer{a}) != 1 {
		t.Errorf("got %q", a.log)
	}
}

func TestDeleteEndsEnvironments(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	pid := b.pid()
	if _, err := b.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end of the environment", func() bool { return !alive(pid) })
	var gone *types.ResourceNotFoundException
	if _, err := b.try("fn", order{}); !errors.As(err, &gone) {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsARunningInvocation(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	pid := b.pid()
	answered := make(chan answer, 1)
	go func() {
		a, _ := b.try("fn", order{Do: "sleep", MS: 60000})
		answered <- a
	}()
	eventually(t, "START of the invocation", func() bool { return strings.Count(strings.Join(b.events(), ""), "START RequestId") == 2 })
	if err := b.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("the process outlived Close")
	}
	if a := <-answered; a.failed != "Unhandled" || !strings.Contains(a.payload, "signal: killed") {
		t.Errorf("got %+v", a)
	}
	if _, err := b.try("fn", order{}); err == nil {
		t.Error("a closed server serves")
	}
}

func TestClientThatGoesAwayDoesNotStopTheInvocation(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	b.invoke(order{})
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/2015-03-31/functions/fn/invocations", strings.NewReader(`{"Do":"sleep","MS":300}`))
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	eventually(t, "START", func() bool { return strings.Count(strings.Join(b.events(), ""), "START RequestId") == 2 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	eventually(t, "REPORT of the abandoned invocation", func() bool { return strings.Count(strings.Join(b.events(), ""), "REPORT RequestId") == 2 })
	if a := b.invoke(order{Do: "served"}); a.payload != "3" || b.streams() != 1 {
		t.Errorf("after it: %+v in %d environments", a, b.streams())
	}
}

// TestMaximumAge: an environment that is older ends with its request, however
// busy the function is.
func TestMaximumAge(t *testing.T) {
	b := newBed(t, emulator.Options{MaxAge: time.Nanosecond})
	b.install(emulator.LocalFunction{})
	for range 2 {
		if a := b.invoke(order{Do: "served"}); a.payload != "1" || !strings.Contains(a.log, "Init Duration") {
			t.Errorf("served by an environment beyond its age: %+v", a)
		}
	}
}

// TestFreeze: between invocations a function does not run. It starts a ticker
// that counts in the background; the count stands still.
func TestFreeze(t *testing.T) {
	b := newBed(t, emulator.Options{Freeze: true})
	b.install(emulator.LocalFunction{})
	b.invoke(order{Do: "ticks"}) // starts the ticker, one tick a millisecond
	first, err := strconv.Atoi(b.invoke(order{Do: "ticks"}).payload)
	if err != nil {
		t.Fatal(err)
	}
	frozen := time.After(300 * time.Millisecond)
	pid := b.pid()
	<-frozen
	if !alive(pid) {
		t.Error("freezing killed it")
	}
	second, err := strconv.Atoi(b.invoke(order{Do: "ticks"}).payload)
	if err != nil {
		t.Fatal(err)
	}
	if second-first > 150 {
		t.Errorf("%d ticks of a millisecond while it should have stood still for 300", second-first)
	}
}

func TestDryRun(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != http.StatusNoContent || out.ExecutedVersion != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestOrderOfOutput: what a function printed before it answered stands before
// END, always, though it comes through a pipe and the answer through a socket.
func TestOrderOfOutput(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	for range 30 {
		a := b.invoke(order{Do: "print-many", Code: 20})
		if n := strings.Count(a.log, "line "); n != 20 || !strings.Contains(a.log, "line 19\nEND RequestId") {
			t.Fatalf("%d lines before END: %q", n, a.log)
		}
	}
}

// TestFunctionThatPrintsAllTheTime prints between and during invocations.
func TestFunctionThatPrintsAllTheTime(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "chatter"}})
	for range 20 {
		if a := b.invoke(order{Do: "sleep", MS: 1}); !strings.HasPrefix(a.log, "START RequestId") || !strings.Contains(a.log, "REPORT RequestId") {
			t.Fatalf("tail %q", a.log)
		}
	}
}

func TestTailIsTheLast4096Bytes(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	a := b.invoke(order{Do: "print-many", Code: 2000})
	if len(a.log) != 4096 || !strings.Contains(a.log, "REPORT RequestId") {
		t.Errorf("%d bytes: %q", len(a.log), a.log)
	}
}

func TestOptionsAreRead(t *testing.T) {
	for _, o := range []emulator.Options{
		{KeepAlive: "forever"}, {Placement: "fifo"}, {Limits: "some"}, {Concurrency: -1},
	} {
		if s, err := emulator.New(o); err == nil {
			_ = s.Close(context.Background())
			t.Errorf("%+v is accepted", o)
		}
	}
	s, err := emulator.New(emulator.Options{Limits: "off", KeepAlive: "fixed:1m", WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if k := s.Knobs(); k["limits"] != "off" || k["keep_alive"] != "fixed:1m0s" {
		t.Errorf("knobs %v", k)
	}
	if s.Limits() == "" {
		t.Error("Limits says nothing")
	}
	for _, f := range []emulator.LocalFunction{{Name: "no spaces"}, {Name: "fn"}, {Name: "fn", Command: []string{"/nonexistent"}}} {
		if err := s.Install(f); err == nil {
			t.Errorf("Install(%+v) succeeds", f)
		}
	}
}
