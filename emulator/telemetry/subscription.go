package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// API is one of the two that take subscriptions.
type API uint8

// The two APIs.
const (
	Telemetry API = iota // PUT /2022-07-01/telemetry
	Logs                 // PUT /2020-08-15/logs
)

func (a API) schemas() []string {
	if a == Logs {
		return []string{"2020-08-15", "2021-03-18"}
	}
	return []string{"2022-07-01", "2022-12-13", "2025-01-29"}
}

// Buffering says when a batch is full or old enough to be sent.
type Buffering struct {
	MaxItems int           // 1,000 to 10,000
	MaxBytes int           // 262,144 to 1,048,576
	Timeout  time.Duration // 25 ms to 30 s
}

// Subscription is a Subscribe request that is acceptable.
type Subscription struct {
	API       API
	Schema    string
	Types     []string // Platform, Function, Extension; each once, at least one
	Buffering Buffering

	tcp    bool
	port   int
	path   string // of the URI, with its query
	method string
}

// Port is where the subscriber listens, on this machine.
func (s *Subscription) Port() int { return s.port }

// structured says whether the subscriber's schema shows JSON lines as objects.
func (s *Subscription) structured() bool { return s.API == Telemetry && s.Schema >= "2022-12-13" }

// wants says whether the subscriber has asked for the event.
func (s *Subscription) wants(e *Event) bool {
	if !slices.Contains(s.Types, e.kind()) {
		return false
	}
	switch e.Audience {
	case TelemetryAPI:
		return s.API == Telemetry
	case LogsAPI:
		return s.API == Logs
	case NewLogsAPI:
		return s.API == Logs && s.Schema >= "2021-03-18"
	}
	return true
}

// InvalidError is everything that is wrong with a Subscribe request.
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string { return strings.Join(e.Faults, "; ") }

// request is the body of Subscribe.
type request struct {
	Schema      *string   `json:"schemaVersion"`
	Types       []string  `json:"types"`
	Buffering   buffering `json:"buffering"`
	Destination *struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Port     int    `json:"port"`
		Method   string `json:"method"`
		Encoding string `json:"encoding"`
	} `json:"destination"`
}

type buffering struct {
	MaxItems *int `json:"maxItems"`
	MaxBytes *int `json:"maxBytes"`
	Timeout  *int `json:"timeoutMs"`
}

// ParseSubscription reads the body of a Subscribe request. The error is an
// *InvalidError.
func ParseSubscription(api API, body []byte) (Subscription, error) {
	var r request
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&r); err != nil {
		return Subscription{}, &InvalidError{[]string{"request body is not a subscription in JSON: " + err.Error()}}
	}
	p := parser{s: Subscription{API: api}}
	p.schema(r.Schema)
	p.types(r.Types)
	p.buffering(r.Buffering)
	p.destination(&r)
	if len(p.faults) > 0 {
		return Subscription{}, &InvalidError{p.faults}
	}
	return p.s, nil
}

// parser collects the faults of one request.
type parser struct {
	s      Subscription
	faults []string
}

func (p *parser) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func (p *parser) schema(version *string) {
	known := p.s.API.schemas()
	switch {
	case version == nil && p.s.API == Logs:
		p.s.Schema = known[0]
	case version == nil:
		p.fault("schemaVersion is not provided")
	case !slices.Contains(known, *version):
		p.fault("schemaVersion should be one of [%s]", strings.Join(known, ", "))
	default:
		p.s.Schema = *version
	}
}

func (p *parser) types(list []string) {
	if len(list) == 0 {
		p.fault("types should not be empty")
	}
	for _, t := range list {
		switch {
		case t != Platform && t != Function && t != Extension:
			p.fault("types should be of [platform, function, extension]")
			return
		case !slices.Contains(p.s.Types, t):
			p.s.Types = append(p.s.Types, t)
		}
	}
}

func (p *parser) buffering(b buffering) {
	p.s.Buffering = Buffering{
		MaxItems: p.within("maxItems", b.MaxItems, 10_000, 1_000, 10_000),
		MaxBytes: p.within("maxBytes", b.MaxBytes, 262_144, 262_144, 1_048_576),
		Timeout:  time.Duration(p.within("timeoutMs", b.Timeout, 1_000, 25, 30_000)) * time.Millisecond,
	}
}

// within is the value of a member, or its default, if it is between low and
// high.
func (p *parser) within(name string, given *int, standard, low, high int) int {
	switch {
	case given == nil:
		return standard
	case *given < low || *given > high:
		p.fault("%s should be between %d and %d", name, low, high)
	}
	return *given
}

// reservedPort is Lambda's own.
const reservedPort = 9001

func (p *parser) destination(r *request) {
	d := r.Destination
	if d == nil {
		p.fault("destination is not provided")
		return
	}
	switch d.Protocol {
	case "HTTP":
		p.address("http", d.URI)
	case "TCP":
		p.tcp(d.Port, d.URI)
	default:
		p.fault("protocol should be one of [HTTP, TCP]")
	}
	if p.s.port == reservedPort {
		p.fault("port %d is reserved", reservedPort)
	}
	if d.Encoding != "" && d.Encoding != "JSON" {
		p.fault("encoding should be JSON")
	}
	p.s.method = http.MethodPost
	if m := d.Method; m == http.MethodPut && p.s.API == Logs {
		p.s.method = m
	} else if m != "" && m != http.MethodPost {
		p.fault("method %s is not supported", strconv.Quote(m))
	}
}

// tcp reads a TCP destination: the Logs API has a port, the reference of the
// Telemetry API a URI, without an example. Any scheme is taken, and none.
func (p *parser) tcp(port int, uri string) {
	p.s.tcp, p.s.port = true, port
	switch {
	case port == 0 && uri != "":
		if !strings.Contains(uri, "://") {
			uri = "tcp://" + uri
		}
		p.address("", uri)
	case port < 1 || port > 65535:
		p.fault("port should be between 1 and 65535")
	}
}

// address reads the URI of a destination. Its host is a name that only
// exists inside an environment, so only the port and what follows counts.
func (p *parser) address(scheme, uri string) {
	u, err := url.Parse(uri)
	if err != nil || uri == "" {
		p.fault("URI is not valid")
		return
	}
	if scheme != "" && u.Scheme != scheme {
		p.fault("URI scheme should be %s", scheme)
	}
	if h := u.Hostname(); h != "sandbox.localdomain" && h != "sandbox" {
		p.fault("URI host should be sandbox.localdomain")
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.Port() == "":
		p.fault("URI port is not provided")
	case err != nil || port < 1 || port > 65535:
		p.fault("URI port should be between 1 and 65535")
	}
	p.s.port, p.s.path = port, u.RequestURI()
}
