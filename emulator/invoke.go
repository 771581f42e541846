package emulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// invoke is the Invoke operation: RequestResponse, Event and DryRun.
func (s *Server) invoke(w http.ResponseWriter, r *http.Request) *apiError {
	kind := r.Header.Get("X-Amz-Invocation-Type")
	v, inv, bad := s.prepareInvocation(w, r, kind)
	if bad != nil {
		return bad
	}
	switch kind {
	case "", "RequestResponse":
		inv.wantTail = r.Header.Get("X-Amz-Log-Type") == "Tail"
		return s.invokeSync(w, v, inv)
	case "Event":
		return s.invokeEvent(w, inv)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return violated(kind, "invocationType", "Member must satisfy enum value set: [Event, RequestResponse, DryRun]")
}

// prepareInvocation reads what all kinds of invocation have in common.
func (s *Server) prepareInvocation(w http.ResponseWriter, r *http.Request, kind string) (*version, *invocation, *apiError) {
	now := time.Now()
	t, bad := s.named(r)
	if bad != nil {
		return nil, nil, bad
	}
	v, bad := s.invocable(t, now)
	if bad != nil {
		return nil, nil, bad
	}
	payload, bad := readPayload(w, r, kind)
	if bad != nil {
		return nil, nil, bad
	}
	inv := &invocation{
		target: t, id: w.Header()["X-Amzn-Requestid"][0], payload: payload, arn: s.functionARN(t.name), trace: r.Header.Get("X-Amzn-Trace-Id"),
		tenant: r.Header.Get("X-Amz-Tenant-Id"),
	}
	if bad := v.checkTenant(inv.tenant); bad != nil {
		return nil, nil, bad
	}
	if t.qualifier != "" {
		inv.arn += ":" + t.qualifier
	}
	if inv.trace == "" {
		inv.trace = v.newTrace(now)
	}
	if c := r.Header.Get("X-Amz-Client-Context"); c != "" {
		b, err := base64.StdEncoding.DecodeString(c)
		if err != nil || !json.Valid(b) {
			return nil, nil, badContent("Client context must be a valid Base64-encoded JSON object.")
		}
		inv.client = string(b)
	}
	return v, inv, nil
}

// invocable finds the version and refuses one that can't be invoked yet.
func (s *Server) invocable(t target, now time.Time) (*version, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, v, err := s.find(t, latestVersion)
	if err != nil {
		return nil, err
	}
	if a := fn.aliases[t.qualifier]; a != nil {
		v = a.route()
	}
	if v.before != nil {
		v = v.before
	}
	if bad := v.notReady(); bad != nil {
		return nil, bad
	}
	switch {
	case v.created && !v.active(now), !v.code.ready():
		return nil, conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	case v.imageFailure() != nil:
		return nil, conflict("The operation cannot be performed at this time. The function is currently in the following state: Failed")
	}
	return v, nil
}

// readPayload reads and checks the event. An empty one is {} to the function.
func readPayload(w http.ResponseWriter, r *http.Request, kind string) ([]byte, *apiError) {
	limit := int64(maxRequest)
	if kind == "Event" {
		limit = maxEvent
	}
	if r.ContentLength > limit {
		return nil, tooLarge("Request must be smaller than %d bytes for the InvokeFunction operation", limit)
	}
	payload, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge("Request must be smaller than %d bytes for the InvokeFunction operation", limit)
	case err != nil:
		return nil, badContent("Could not read request body: %v", err)
	case len(payload) == 0:
		return []byte("{}"), nil
	}
	return payload, checkJSON(payload)
}

// invokeSync runs the invocation in this goroutine. The client may go away: the
// invocation goes on, as on AWS. The reply is sent as soon as it is known; the
// environment is given back before the goroutine, and with it the client's
// connection, is free for another request.
func (s *Server) invokeSync(w http.ResponseWriter, v *version, inv *invocation) *apiError {
	e, bad := s.acquire(v, inv.tenant)
	if bad != nil {
		return bad
	}
	inv.answer = func(r reply) { writeReply(w, v, inv, r) }
	s.perform(e, inv)
	return nil
}

func writeReply(w http.ResponseWriter, v *version, inv *invocation, r reply) {
	if r.fault != nil {
		writeError(w, r.fault)
		return
	}
	h := w.Header()
	h["X-Amz-Executed-Version"] = []string{v.number}
	h["X-Amzn-Trace-Id"] = []string{inv.trace}
	h["X-Amzn-Remapped-Content-Length"] = []string{"0"}
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(r.body))}
	if r.failed {
		h["X-Amz-Function-Error"] = []string{handledFailure}
	}
	if inv.wantTail {
		h["X-Amz-Log-Result"] = []string{base64.StdEncoding.EncodeToString(r.tail)}
	}
	w.WriteHeader(http.StatusOK)
	// A client that has gone away is no concern of the invocation.
	_, _ = w.Write(r.body)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
