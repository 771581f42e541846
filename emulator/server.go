package emulator

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"coldbench/fleet"
	"coldbench/sandbox"
)

// Server is a Lambda. It is an http.Handler for any number of goroutines. Use
// New; Close ends it.
type Server struct {
	set     settings
	host    *sandbox.Host // nil where the sandbox is the caller's
	data    *dataStore    // nil where nothing is kept
	logs    *logStore
	api     *http.ServeMux
	runtime *http.Server

	hostsOnce sync.Once
	hosts     string // file for /etc/hosts of environments with extensions
	hostsErr  error

	started   time.Time
	stopping  chan struct{}
	downloads sync.Map // of *code, by id
	images    imageStore

	mu        sync.Mutex
	account   *fleet.Account
	functions map[string]*function
	urls      map[string]*functionURL // by id
	layers    map[string]*layer
	versions  map[*version]struct{}     // those that have, or had, environments
	loose     map[*environment]struct{} // those in no pool
	expiries  []fleet.Expiry            // scratch
	timer     *time.Timer
	alarm     time.Duration // when timer fires, 0 = not armed
	closing   bool
	draining  bool
	running   int           // invocations in environments
	drained   chan struct{} // closed when none runs any more; nil = nobody waits
	queue     eventQueue    // asynchronous events

	starts sandboxStarts

	work      sync.WaitGroup // invocations, endings
	listeners sync.WaitGroup
}

// ModelledHeader names the latency model in every answer of a server that has
// one, so that a client can label what it measures.
const ModelledHeader = "X-Coldbench-Modelled"

var silent = log.New(io.Discard, "", 0)

// New makes a server. The error names the option that can't be read, or the
// folder that can't be made.
func New(o Options) (*Server, error) {
	set, err := o.parse()
	if err != nil {
		return nil, err
	}
	data, err := openData(set.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := newServer(set, data)
	if err != nil {
		return nil, errors.Join(err, data.close())
	}
	return s, nil
}

func newServer(set settings, data *dataStore) (*Server, error) {
	err := set.workDir()
	if err != nil {
		return nil, err
	}
	s := &Server{
		data: data,
		set:  set, started: time.Now(), stopping: make(chan struct{}),
		logs:    newLogStore(set.LogBytes, set.LogDelay, set.LogFaults),
		account: fleet.NewAccount(set.limits), functions: map[string]*function{}, urls: map[string]*functionURL{}, layers: map[string]*layer{}, versions: map[*version]struct{}{}, loose: map[*environment]struct{}{},
		runtime: newRuntimeServer(),
	}
	if s.set.Sandbox == nil {
		if s.host, err = sandbox.New(sandbox.Options{Runtime: set.OCIRuntime}); err != nil {
			return nil, err
		}
		s.set.Sandbox = hostSandbox{s.host}
	}
	if s.set.Runtimes == nil {
		s.set.Runtimes = &localRuntimes{dir: filepath.Join(set.WorkDir, runtimesDir)}
	}
	s.timer = time.AfterFunc(time.Hour, s.expire)
	s.timer.Stop()
	s.routes()
	if err := s.restore(); err != nil {
		return nil, errors.Join(err, s.Close(context.Background()))
	}
	return s, nil
}

// Limits says what the sandbox enforces on this machine.
func (s *Server) Limits() string {
	if s.host == nil {
		return "a sandbox of the caller"
	}
	return s.host.Limits()
}

// Warnings say what of Lambda this machine can't do, and what that does to the
// numbers.
func (s *Server) Warnings() []string {
	if s.host == nil {
		return nil
	}
	return s.host.Warnings()
}

// Knobs are the settings of the control plane, as text, for the record of a run.
func (s *Server) Knobs() map[string]string { return s.set.knobs() }

// ServeHTTP serves the Lambda API by path and the CloudWatch Logs API by its
// X-Amz-Target header.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	id := newUUID()
	h["X-Amzn-Requestid"] = []string{id}
	if m := s.set.delay; m != nil {
		h[ModelledHeader] = []string{m.Name}
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		s.serveLogs(w, r, strings.TrimPrefix(target, "Logs_20140328."))
		return
	}
	s.api.ServeHTTP(w, r)
}

// invocationOp is an operation that writes its own answer, but for errors.
type invocationOp func(w http.ResponseWriter, r *http.Request) *apiError

func (op invocationOp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := op(w, r); err != nil {
		writeError(w, err)
	}
}
