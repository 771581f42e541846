package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"regexp"
	"time"
)

// The queue of a data folder: one document for each event, by its request id. It
// is written before the event is accepted and after each try that is not the
// last, and goes when the event has ended. So an event is tried at least once:
// what ran when the emulator was killed, and what was killed with it, runs again.

type storedEvent struct {
	Schema    string      `json:"schema"`
	RequestID string      `json:"request_id"`
	Function  string      `json:"function"`
	Qualifier string      `json:"qualifier,omitempty"`
	ARN       string      `json:"arn"` // as invoked
	Trace     string      `json:"trace"`
	Client    string      `json:"client_context,omitempty"`
	Tenant    string      `json:"tenant,omitempty"`
	Rules     storedRules `json:"rules"` // those in force when it was accepted
	Accepted  time.Time   `json:"accepted"`
	Due       time.Time   `json:"due,omitzero"`
	Tries     int         `json:"tries,omitempty"`
	Errors    int         `json:"errors,omitempty"`
	BackOff   float64     `json:"back_off_minutes,omitempty"`
	Failed    bool        `json:"failed,omitempty"`        // the last try
	Response  []byte      `json:"response,omitempty"`      // of the last try, base64
	Version   string      `json:"version_run,omitempty"`   // by the last try
	Payload   []byte      `json:"payload"`                 // base64
	CRC       uint32      `json:"payload_crc32,omitempty"` // IEEE
}

func (a *asyncEvent) store() storedEvent {
	inv := a.inv
	return storedEvent{
		Schema: storedSchema, RequestID: inv.id, Function: inv.target.name, Qualifier: inv.target.qualifier, ARN: inv.arn, Trace: inv.trace,
		Client: inv.client, Tenant: inv.tenant, Rules: storeRules(a.rules), Accepted: a.accepted, Due: a.due, Tries: a.tries, Errors: a.errors,
		BackOff: a.backOff, Failed: a.last.failed, Response: a.last.body, Version: a.version, Payload: inv.payload, CRC: crc32.ChecksumIEEE(inv.payload),
	}
}

func (d *storedEvent) event() *asyncEvent {
	return &asyncEvent{
		inv: &invocation{
			target: target{d.Function, d.Qualifier}, id: d.RequestID, payload: d.Payload, arn: d.ARN, trace: d.Trace, client: d.Client, tenant: d.Tenant,
		},
		rules: d.Rules.rules(), accepted: d.Accepted, due: d.Due, tries: d.Tries, errors: d.Errors, backOff: d.BackOff,
		last: reply{body: d.Response, failed: d.Failed}, version: d.Version, resumed: true,
	}
}

var requestIDForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// parseStoredEvent reads and checks a document.
func parseStoredEvent(b []byte) (*storedEvent, error) {
	d := &storedEvent{}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("no whole document: %w", err)
	}
	switch {
	case d.Schema != storedSchema:
		return nil, fmt.Errorf("schema %q, want %q", d.Schema, storedSchema)
	case !requestIDForm.MatchString(d.RequestID):
		return nil, fmt.Errorf("request id %q", d.RequestID)
	case !plainName.MatchString(d.Function) || d.Accepted.IsZero() || d.Tries < 0 || d.Errors < 0 || d.BackOff < 0:
		return nil, fmt.Errorf("event of function %q, accepted %v, after %d tries with %d errors", d.Function, d.Accepted, d.Tries, d.Errors)
	case crc32.ChecksumIEEE(d.Payload) != d.CRC:
		return nil, fmt.Errorf("the payload is damaged: its checksum is %08x, not %08x", crc32.ChecksumIEEE(d.Payload), d.CRC)
	}
	return d, nil
}

// keepEvent puts an event as it is now on the disk.
func (s *Server) keepEvent(a *asyncEvent) error {
	if s.data == nil {
		return nil
	}
	return s.data.folder.Write(shelfEvents, a.inv.id+".json", append(encodeJSON(a.store()), '\n'))
}

// keepUntilDone is keepEvent that waits for room on the disk. It says false when
// the server stops first.
func (s *Server) keepUntilDone(a *asyncEvent) bool {
	for {
		err := s.keepEvent(a)
		if err == nil {
			return true
		}
		s.set.Logger.Warn("save an event for its destination", "destination", a.inv.arn, "error", err)
		if !s.sleep(time.Second) {
			return false
		}
	}
}

// forgetEvent takes an event that has ended off the disk.
func (s *Server) forgetEvent(a *asyncEvent) {
	if s.data == nil {
		return
	}
	if err := s.data.folder.Remove(shelfEvents, a.inv.id+".json"); err != nil {
		s.set.Logger.Warn("remove an event that has ended; it will be tried again after a restart", "request", a.inv.id, "error", err)
	}
}

// restoreEvent reads an event of the data folder. It waits for Resume.
func (s *Server) restoreEvent(name string) error {
	doc, _, err := readStored(s.data, shelfEvents, name, parseStoredEvent, func(d *storedEvent) string { return d.RequestID })
	if err != nil {
		return err
	}
	s.data.events = append(s.data.events, doc.event())
	return nil
}

// Resume goes on with the asynchronous events of the data folder. Call it when
// every LocalFunction is installed: an event whose function is not there is
// dropped, and a version that needs its command for SnapStart is Failed.
func (s *Server) Resume() {
	if s.data == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.data.events
	s.data.events = nil
	if s.closing || s.draining {
		return
	}
	for _, fn := range s.functions {
		s.takeMissing(fn)
	}
	for _, a := range events {
		s.enter(a)
		go s.serveEvent(a)
	}
}
