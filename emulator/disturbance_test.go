package emulator_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/sandbox"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Faults of one function, and another one that is asked all the while: it must
// answer rightly, and as a warm function.

// beside runs a fault while the function "other" is asked again and again, at
// least once before, once during and once after it.
func (b *bed) beside(fault func()) {
	b.t.Helper()
	b.install(emulator.LocalFunction{Name: "other"})
	n := 0
	ask := func() {
		n++
		payload := fmt.Sprintf(`{"Text":"%d"}`, n)
		out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("other"), Payload: []byte(payload), LogType: types.LogTypeTail})
		if err != nil || string(out.Payload) != payload || out.FunctionError != nil {
			b.t.Errorf("the other function, request %d: %+v, %v", n, out, err)
		}
	}
	ask()
	over, asked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(asked)
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for {
			ask()
			select {
			case <-over:
				return
			case <-again.C:
			}
		}
	}()
	func() {
		defer func() { // also when it fails for good
			close(over)
			<-asked
		}()
		fault()
	}()
	ask()
	logs := strings.Join(b.eventsOf("other"), "")
	if started := strings.Count(logs, "INIT_START"); started != 1 || strings.Count(logs, "REPORT RequestId") != n {
		b.t.Errorf("the other function was started %d times and has %d REPORTs for %d requests", started, strings.Count(logs, "REPORT RequestId"), n)
	}
}

// failure is what an invocation that fails must come to.
func (b *bed) failure(o order, payload, report string) {
	b.t.Helper()
	a, err := b.try("fn", o)
	if err != nil || a.failed != "Unhandled" || !strings.Contains(a.payload, payload) || !strings.HasSuffix(a.log, report) {
		b.t.Errorf("got %+v, %v\nwant %s ... %q", a, err, payload, report)
	}
}

// served asks the function how many requests its process has served.
func (b *bed) served(want string) {
	b.t.Helper()
	if a, err := b.try("fn", order{Do: "served"}); err != nil || a.payload != want {
		b.t.Errorf("after it: %+v, %v, want %s", a, err, want)
	}
}

func testFaultsDisturbNoOther(t *testing.T) {
	for _, c := range []struct {
		name     string
		options  emulator.Options
		function emulator.LocalFunction
		limit    string // what the sandbox must be able to do
		fault    func(b *bed)
	}{
		{"killed by a signal", emulator.Options{}, emulator.LocalFunction{}, "", func(b *bed) {
			b.failure(order{Do: "signal", Code: 9}, "signal: killed", "\tStatus: error\tError Type: Runtime.ExitError\n")
			b.served("1")
		}},
		{"1 GB at 128 MB", emulator.Options{}, emulator.LocalFunction{MemoryMB: 128}, "memory", func(b *bed) {
			b.served("1") // so that the REPORT has no init
			b.failure(order{Do: "eat", Bytes: 1 << 30}, "signal: killed", "\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n")
			b.served("1")
		}},
		{"endless init", emulator.Options{InitLimit: 300 * time.Millisecond}, emulator.LocalFunction{Timeout: 300 * time.Millisecond, Env: map[string]string{"TEST_INIT": "hang"}}, "", func(b *bed) {
			b.failure(order{}, "Task timed out after 0.30 seconds", "\tStatus: timeout\n")
		}},
		{"endless invocation", emulator.Options{}, emulator.LocalFunction{Timeout: 300 * time.Millisecond}, "", func(b *bed) {
			b.failure(order{Do: "sleep", MS: 600_000}, "Task timed out after 0.30 seconds", "\tStatus: timeout\n")
		}},
		{"endless shutdown", emulator.Options{Shutdown: time.Second}, emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "deaf"}, Layer: layer(t, map[string]string{"x": "how=deaf"})}, "", func(b *bed) {
			b.served("1")
			b.remove()
			b.logged("x: SHUTDOWN   spindown")
			eventually(b.t, "the end of the environment", func() bool {
				resp, err := b.client.Get(b.url + "/healthz")
				if err != nil {
					return false
				}
				defer resp.Body.Close()
				return strings.Contains(body(b.t, resp), `"environments":1,`) // the other function's
			})
		}},
		{"answers twice, and for a wrong id", emulator.Options{}, emulator.LocalFunction{}, "", func(b *bed) {
			if a, err := b.try("fn", order{Do: "twice"}); err != nil || a.payload != `"first"` || a.failed != "" {
				b.t.Errorf("got %+v, %v", a, err)
			}
			a, err := b.try("fn", order{Do: "notes"})
			if err != nil || !strings.Contains(a.payload, "InvalidStateTransition") || !strings.Contains(a.payload, "InvalidRequestID") {
				b.t.Errorf("the runtime was told %s, %v", a.payload, err)
			}
			b.served("3")
		}},
		{"client that leaves in mid-response", emulator.Options{}, emulator.LocalFunction{}, "", func(b *bed) {
			b.leaveInMidResponse()
			eventually(b.t, "REPORT of the abandoned invocation", func() bool { return strings.Contains(strings.Join(b.events(), ""), "REPORT RequestId") })
			b.served("2")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, c.options)
			if !strings.Contains(b.server.Limits(), c.limit) {
				t.Skipf("no limit of %s here: %s", c.limit, b.server.Limits())
			}
			b.install(c.function)
			b.beside(func() { c.fault(b) })
		})
	}
}

// leaveInMidResponse reads the first part of a streamed response, of which more
// follow, and hangs up.
func (b *bed) leaveInMidResponse() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/2021-11-15/functions/fn/response-streaming-invocations", strings.NewReader(`{"Do":"stream","Code":10,"MS":20}`))
	if err != nil {
		b.t.Error(err)
		return
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Error(err)
		return
	}
	defer resp.Body.Close()
	first := make([]byte, 100)
	if n, err := io.ReadAtLeast(resp.Body, first, 1); err != nil || n == 0 {
		b.t.Errorf("%d bytes, %v", n, err)
	}
}

// bomb starts processes until the system refuses one.
func bomb() any {
	n, first := 0, 0
	for {
		cmd := exec.Command("sleep", "10000")
		if err := cmd.Start(); err != nil {
			return map[string]any{"Started": n, "First": first, "Refused": err.Error()}
		}
		if n++; n == 1 {
			first = cmd.Process.Pid
		}
	}
}

// TestForkBomb: a function that starts processes without end is told EAGAIN, may
// answer, and all of it is gone with its environment. AWS allows 1,024 processes
// and threads, as the sandbox does; here the limit is lower, to save time.
func TestForkBomb(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip("no sleep command")
	}
	const limit = 128
	host, err := sandbox.New(sandbox.Options{MaxProcesses: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the server, which newBed ends
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	if !strings.Contains(host.Limits(), "pids") {
		t.Skipf("the number of processes is not limited here: %s", host.Limits())
	}
	b := newBed(t, emulator.Options{Sandbox: &observed{host: host}})
	b.install(emulator.LocalFunction{})
	b.beside(func() {
		var got struct {
			Started, First int
			Refused        string
		}
		a := b.invoke(order{Do: "bomb"})
		if err := json.Unmarshal([]byte(a.payload), &got); err != nil || got.Started < limit/2 || got.Started >= limit || !strings.Contains(got.Refused, "resource temporarily unavailable") {
			t.Errorf("got %+v of %+v, %v", got, a, err)
		}
		if _, err := b.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
			t.Error(err)
		}
		if !host.Private() { // else the number counts in the environment only
			eventually(t, "end of the processes", func() bool { return !alive(got.First) })
		}
	})
}

// hostileZip is an archive of one entry that says of itself what it wants.
func hostileZip(t *testing.T, h zip.FileHeader, content []byte) []byte {
	t.Helper()
	var packed, archive bytes.Buffer
	f, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.Method, h.CompressedSize64, h.CRC32 = zip.Deflate, uint64(packed.Len()), crc32.ChecksumIEEE(content)
	if h.UncompressedSize64 == 0 {
		h.UncompressedSize64 = uint64(len(content))
	}
	z := zip.NewWriter(&archive)
	w, err := z.CreateRaw(&h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(packed.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// upload makes a function of a zip file.
func (b *bed) upload(name string, code []byte) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, err = b.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::123456789012:role/r"),
		MemorySize: aws.Int32(1769), Timeout: aws.Int32(20), Code: &types.FunctionCode{ZipFile: code},
		Environment: &types.Environment{Variables: map[string]string{"TEST_FUNCTION": "1", "TEST_BINARY": self, "GORACE": "atexit_sleep_ms=0"}},
	})
	return err
}

// TestHostileArchives: refused with nothing left of them on the disk.
func TestHostileArchives(t *testing.T) {
	link := zip.FileHeader{Name: "link"}
	link.SetMode(os.ModeSymlink | 0o777)
	dir := t.TempDir()
	b := newBed(t, emulator.Options{WorkDir: dir})
	zeros := make([]byte, 8<<20)
	b.beside(func() {
		for _, c := range []struct {
			name string
			code []byte
			want string
		}{
			{"zip bomb that says its size", hostileZip(t, zip.FileHeader{Name: "zeros", UncompressedSize64: 300 << 20}, zeros), "Unzipped size must be smaller than 262144000 bytes"},
			{"zip bomb that lies", hostileZip(t, zip.FileHeader{Name: "zeros", UncompressedSize64: 10}, zeros), `entry "zeros"`},
			{"link to the root", hostileZip(t, link, []byte("/etc/passwd")), `entry "link"`},
			{"link out of the folder", hostileZip(t, link, []byte("../../../etc/passwd")), `entry "link"`},
			{"file out of the folder", hostileZip(t, zip.FileHeader{Name: "../../escaped"}, []byte("x")), `entry "../../escaped"`},
		} {
			var refused *types.InvalidParameterValueException
			if err := b.upload("fn", c.code); !errors.As(err, &refused) || !strings.Contains(*refused.Message, c.want) {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
	})
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, d os.DirEntry, err error) error {
		if err == nil && (d.Name() == "zeros" || d.Name() == "escaped" || d.Name() == "link") {
			t.Errorf("left: %s", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
