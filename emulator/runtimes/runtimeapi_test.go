package runtimes

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// post is what a runtime has told the Runtime API.
type post struct {
	Path string // after /2018-06-01/runtime
	Type string // Lambda-Runtime-Function-Error-Type, of the header or the trailer
	Body string
	// Of a streamed response: Content-Type, and the error behind the body.
	Stream string
	Error  string
}

// session is one function process against a Runtime API of the test's own.
type session struct {
	Posts []post
	Log   string
	Exit  int // of the process; -1 where the test ended it
	Conns int // connections that the runtime opened
}

// fake serves the events one after the other and then holds the next request
// until the process is gone.
type fake struct {
	mu     sync.Mutex
	events []string
	served int
	posts  []post
	conns  map[string]bool
	done   chan struct{} // every event is answered, or init has failed
	closed bool
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime")
	f.mu.Lock()
	f.conns[r.RemoteAddr] = true
	if path == "/invocation/next" {
		n := f.served
		f.served++
		if n == len(f.events) {
			f.finish()
		}
		f.mu.Unlock()
		if n >= len(f.events) {
			<-r.Context().Done()
			return
		}
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("id-%d", n+1))
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
		h.Set("Lambda-Runtime-Trace-Id", fmt.Sprintf("Root=1-%d", n+1))
		h.Set("Lambda-Runtime-Client-Context", `{"custom":{"k":"v"}}`)
		h.Set("Lambda-Runtime-Aws-Tenant-Id", "t")
		h.Set("Lambda-Runtime-Cognito-Identity", `{"cognitoIdentityId":"me"}`)
		_, _ = io.WriteString(w, f.events[n])
		return
	}
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	p := post{Path: path, Type: r.Header.Get("Lambda-Runtime-Function-Error-Type"), Body: string(body)}
	if r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming" && slices.Equal(r.TransferEncoding, []string{"chunked"}) {
		said, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		p.Stream, p.Type, p.Error = r.Header.Get("Content-Type"), r.Trailer.Get("Lambda-Runtime-Function-Error-Type"), string(said)
	}
	f.posts = append(f.posts, p)
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func (f *fake) finish() {
	if !f.closed {
		f.closed = true
		close(f.done)
	}
}

// serve runs a function with files (name -> text) and returns what it said
// about the events.
func serve(t *testing.T, r Runtime, handler string, files map[string]string, events ...string) session {
	t.Helper()
	return serveWith(t, r, nil, handler, files, events...)
}

// serveWith has variables beside the usual ones.
func serveWith(t *testing.T, r Runtime, env []string, handler string, files map[string]string, events ...string) session {
	t.Helper()
	code, dir := t.TempDir(), t.TempDir()
	for name, text := range files {
		path := filepath.Join(code, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Install(dir); err != nil {
		t.Fatal(err)
	}
	command, err := r.Command(Start{CodeDir: code, Handler: handler, RuntimeDir: dir, MemoryMB: 128})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{events: events, done: make(chan struct{}), conns: make(map[string]bool)}
	server := httptest.NewServer(f)
	defer server.Close()

	var log strings.Builder
	c := exec.Command(command[0], command[1:]...)
	c.Dir = code
	c.Stdout, c.Stderr = &log, &log
	c.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "_HANDLER=" + handler,
		"LAMBDA_TASK_ROOT=" + code, "PATH=" + os.Getenv("PATH"), "AWS_EXECUTION_ENV=AWS_Lambda_" + r.Name,
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f", "AWS_LAMBDA_LOG_STREAM_NAME=2026/01/01/[$LATEST]0",
	}
	c.Env = append(c.Env, env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	s := session{}
	select {
	case <-f.done:
		_ = c.Process.Kill()
		<-exited
		s.Exit = -1
	case <-exited:
		s.Exit = c.ProcessState.ExitCode()
	}
	s.Posts, s.Log, s.Conns = f.posts, log.String(), len(f.conns)
	return s
}

// only is the one post that there should be.
func (s session) only(t *testing.T) post {
	t.Helper()
	if len(s.Posts) != 1 {
		t.Fatalf("posts %+v, want one; exit %d, log:\n%s", s.Posts, s.Exit, s.Log)
	}
	return s.Posts[0]
}

// fields reads a JSON object.
func (p post) fields(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(p.Body), &m); err != nil {
		t.Fatalf("%q: %v", p.Body, err)
	}
	return m
}

// must looks a runtime up, or skips the test.
func must(t *testing.T, name string) Runtime {
	t.Helper()
	r, err := Lookup(name)
	if err != nil {
		t.Skipf("needs an interpreter: %v", err)
	}
	return r
}

// check compares the one post of a session.
func check(t *testing.T, s session, path, kind, message string) map[string]any {
	t.Helper()
	p := s.only(t)
	if p.Path != path || p.Type != kind {
		t.Errorf("posted %s with type %q, want %s with %q (body %s)", p.Path, p.Type, path, kind, p.Body)
	}
	m := p.fields(t)
	if m["errorType"] != kind || !strings.Contains(fmt.Sprint(m["errorMessage"]), message) {
		t.Errorf("body %s, want type %s and a message with %q", p.Body, kind, message)
	}
	return m
}
