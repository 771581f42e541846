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

	started   time.Time
	stopping  chan struct{}
	downloads sync.Map // of *code, by id
	images    imageStore

	mu        sync.Mutex
	account   *fleet.Account
	functions map[string]*function
	urls      map[string]*functionURL // by id
	layers    map[string]*layer
	versions  map[*version]struct{} // those that have, or had, environments
	expiries  []fleet.Expiry        // scratch
	timer     *time.Timer
	alarm     time.Duration // when timer fires, 0 = not armed
	closing   bool
	draining  bool
	running   int           // invocations in environments
	drained   chan struct{} // closed when none runs any more; nil = nobody waits
	waiting   int           // asynchronous events, queued or running

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
		account: fleet.NewAccount(set.limits), functions: map[string]*function{}, urls: map[string]*functionURL{}, layers: map[string]*layer{}, versions: map[*version]struct{}{},
		runtime: newRuntimeServer(),
	}
	if s.set.Sandbox == nil {
		if s.host, err = sandbox.New(sandbox.Options{}); err != nil {
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

// routes binds the Lambda API's operations to their paths (the service model
// "2015-03-31" and later ones, each with its own date).
func (s *Server) routes() {
	mux := http.NewServeMux()
	for pattern, op := range map[string]operation{
		"POST /2015-03-31/functions":                                  s.createFunction,
		"POST /2015-03-31/functions/{$}":                              s.createFunction,
		"GET /2015-03-31/functions":                                   s.listFunctions,
		"GET /2015-03-31/functions/{$}":                               s.listFunctions,
		"GET /2015-03-31/functions/{name}":                            s.getFunction,
		"DELETE /2015-03-31/functions/{name}":                         s.deleteFunction,
		"GET /2015-03-31/functions/{name}/configuration":              s.getConfiguration,
		"PUT /2015-03-31/functions/{name}/configuration":              s.updateConfiguration,
		"PUT /2015-03-31/functions/{name}/code":                       s.updateCode,
		"PUT /2017-10-31/functions/{name}/concurrency":                s.putConcurrency,
		"DELETE /2017-10-31/functions/{name}/concurrency":             s.deleteConcurrency,
		"GET /2019-09-30/functions/{name}/concurrency":                s.getConcurrency,
		"GET /2016-08-19/account-settings":                            s.getAccountSettings,
		"GET /2016-08-19/account-settings/{$}":                        s.getAccountSettings,
		"POST /2015-03-31/functions/{name}/versions":                  s.publishVersion,
		"GET /2015-03-31/functions/{name}/versions":                   s.listVersions,
		"POST /2015-03-31/functions/{name}/aliases":                   s.createAlias,
		"GET /2015-03-31/functions/{name}/aliases":                    s.listAliases,
		"GET /2015-03-31/functions/{name}/aliases/{alias}":            s.getAlias,
		"PUT /2015-03-31/functions/{name}/aliases/{alias}":            s.updateAlias,
		"DELETE /2015-03-31/functions/{name}/aliases/{alias}":         s.deleteAlias,
		"PUT /2019-09-30/functions/{name}/provisioned-concurrency":    s.putProvisioned,
		"GET /2019-09-30/functions/{name}/provisioned-concurrency":    s.getProvisioned,
		"DELETE /2019-09-30/functions/{name}/provisioned-concurrency": s.deleteProvisioned,
		"GET /2017-03-31/tags/{arn}":                                  s.listTags,
		"POST /2017-03-31/tags/{arn}":                                 s.tagResource,
		"DELETE /2017-03-31/tags/{arn}":                               s.untagResource,
		"PUT /2019-09-25/functions/{name}/event-invoke-config":        s.putEventConfig,
		"POST /2019-09-25/functions/{name}/event-invoke-config":       s.updateEventConfig,
		"GET /2019-09-25/functions/{name}/event-invoke-config":        s.getEventConfig,
		"DELETE /2019-09-25/functions/{name}/event-invoke-config":     s.deleteEventConfig,
		"GET /2019-09-25/functions/{name}/event-invoke-config/list":   s.listEventConfigs,
		"POST /2021-10-31/functions/{name}/url":                       s.createURL,
		"GET /2021-10-31/functions/{name}/url":                        s.getURL,
		"PUT /2021-10-31/functions/{name}/url":                        s.updateURL,
		"DELETE /2021-10-31/functions/{name}/url":                     s.deleteURL,
		"GET " + ImagePrefix + "{name}":                               s.getImage,
		"POST /2015-03-31/functions/{name}/policy":                    lockedReading(s, "AddPermission", s.addPermission),
		"GET /2015-03-31/functions/{name}/policy":                     s.locked(s.getPolicy),
		"DELETE /2015-03-31/functions/{name}/policy/{sid}":            s.locked(s.removePermission),
	} {
		mux.Handle(pattern, s.keeping(op))
	}
	s.layerRoutes(mux)
	mux.HandleFunc("GET "+codePrefix+"{id}", s.serveCode)
	mux.Handle("POST /2015-03-31/functions/{name}/invocations", invocationOp(s.invoke))
	mux.Handle("POST /2021-11-15/functions/{name}/response-streaming-invocations", invocationOp(s.invokeStream))
	mux.Handle(urlPrefix+"{id}/", invocationOp(s.serveURL))
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.Handle("/", operation(unknownOperation))
	s.api = mux
}

func unknownOperation(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	return answer{}, &apiError{Status: 404, Kind: "UnknownOperationException", Text: "The emulator has no operation " + r.Method + " " + r.URL.Path}
}

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
