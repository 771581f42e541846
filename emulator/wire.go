package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apiError is an error answer of the Lambda API. Kind is what clients switch on
// (X-Amzn-ErrorType); the spelling of the body's members differs by error, as
// recorded from the service.
type apiError struct {
	Status     int
	Kind       string
	Text       string
	Capital    bool // the text's member is Message, not message
	User       bool // the body has "Type":"User"
	Reason     string
	RetryAfter time.Duration
}

// Error implements error.
func (e *apiError) Error() string { return e.Kind + ": " + e.Text }

func invalidParameter(format string, args ...any) *apiError {
	return &apiError{Status: 400, Kind: "InvalidParameterValueException", Text: fmt.Sprintf(format, args...), User: true}
}

// violation is one member of a request that breaks its constraint. The value
// isNull is one that was not given.
type violation struct{ value, member, constraint string }

const isNull = "\x00"

// violated is the answer to one violation.
func violated(value, member, constraint string) *apiError {
	return violatedAll(violation{value, member, constraint})
}

// violatedAll is the answer to violations. These bodies have no Type.
func violatedAll(all ...violation) *apiError {
	errors := "errors"
	if len(all) == 1 {
		errors = "error"
	}
	texts := make([]string, len(all))
	for i, v := range all {
		value := "'" + v.value + "'"
		if v.value == isNull {
			value = "null"
		}
		texts[i] = fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, v.member, v.constraint)
	}
	return &apiError{
		Status: 400, Kind: "ValidationException",
		Text: fmt.Sprintf("%d validation %s detected: %s", len(all), errors, strings.Join(texts, "; ")),
	}
}

// oneOf refuses a value that is not of a set, which is named in this order.
func oneOf(value, member string, set ...string) *apiError {
	if slices.Contains(set, value) {
		return nil
	}
	return violated(value, member, "Member must satisfy enum value set: "+listed(set))
}

func notFound(format string, args ...any) *apiError {
	return &apiError{Status: 404, Kind: "ResourceNotFoundException", Text: fmt.Sprintf(format, args...), Capital: true, User: true}
}

func conflict(format string, args ...any) *apiError {
	return &apiError{Status: 409, Kind: "ResourceConflictException", Text: fmt.Sprintf(format, args...), User: true}
}

func tooLarge(format string, args ...any) *apiError {
	return &apiError{Status: 413, Kind: "RequestEntityTooLargeException", Text: fmt.Sprintf(format, args...), Capital: true}
}

func badContent(format string, args ...any) *apiError {
	return &apiError{Status: 400, Kind: "InvalidRequestContentException", Text: fmt.Sprintf(format, args...), User: true}
}

func serviceError(format string, args ...any) *apiError {
	return &apiError{Status: 500, Kind: "ServiceException", Text: fmt.Sprintf(format, args...), Capital: true}
}

// apiErrorBody orders the members as the service does.
type apiErrorBody struct {
	Reason  string          `json:"Reason,omitempty"`
	Message json.RawMessage `json:"Message,omitempty"` // text or null
	Type    string          `json:"Type,omitempty"`
	Lower   string          `json:"message,omitempty"`
}

func (e *apiError) body() apiErrorBody {
	b := apiErrorBody{Reason: e.Reason}
	if e.User {
		b.Type = "User"
	}
	switch {
	case e.Capital && e.Text == "":
		b.Message = json.RawMessage("null")
	case e.Capital:
		b.Message = encodeJSON(e.Text)
	default:
		b.Lower = e.Text
	}
	return b
}

func writeError(w http.ResponseWriter, err *apiError) {
	w.Header().Set("X-Amzn-Errortype", err.Kind)
	if err.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((err.RetryAfter+time.Second-1)/time.Second)))
	}
	writeJSON(w, err.Status, err.body())
}

// writeJSON answers with v as Lambda writes JSON: no HTML escapes, no newline.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body := encodeJSON(v)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that has gone away is no concern of the handler.
	_, _ = w.Write(body)
}

// encodeJSON marshals a value of this package's own types, which can't fail.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("emulator: encode answer: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// operation is one call of the control API. It returns what to answer, so that
// no lock is held while a client reads; a nil body answers with the status alone.
type operation func(w http.ResponseWriter, r *http.Request) (answer, *apiError)

type answer struct {
	status int
	body   any
}

func (op operation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := op(w, r)
	switch {
	case err != nil:
		writeError(w, err)
	case a.body == nil:
		w.WriteHeader(a.status)
	default:
		writeJSON(w, a.status, a.body)
	}
}

// locked is an operation that runs under the server's lock.
func (s *Server) locked(op func(*http.Request) (answer, *apiError)) operation {
	return func(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return op(r)
	}
}

// lockedReading is an operation with a JSON body, which is read before the lock
// is taken.
func lockedReading[T any](s *Server, name string, op func(*http.Request, *T) (answer, *apiError)) operation {
	return func(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
		var req T
		if err := decode(w, r, maxOtherBody, name, &req); err != nil {
			return answer{}, err
		}
		return s.locked(func(r *http.Request) (answer, *apiError) { return op(r, &req) })(w, r)
	}
}

// decode reads a JSON body of at most limit bytes.
func decode(w http.ResponseWriter, r *http.Request, limit int64, name string, into any) *apiError {
	body, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return tooLarge("Request must be smaller than %d bytes for the %s operation", limit, name)
		}
		return badContent("Could not read request body: %v", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &apiError{Status: 400, Kind: "SerializationException", Text: "Could not parse request body into json: " + err.Error()}
	}
	return nil
}
