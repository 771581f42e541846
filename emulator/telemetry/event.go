package telemetry

import (
	"bytes"
	"encoding/json"
	"time"
)

// The kinds of event that a subscription may ask for.
const (
	Platform  = "platform"  // what the platform does: platform.start, ...
	Function  = "function"  // what the function prints
	Extension = "extension" // what extensions print
)

// Audience says which of the APIs show an event.
type Audience uint8

// The audiences. The zero value means all of them.
const (
	All          Audience = iota
	TelemetryAPI          // not the Logs API
	LogsAPI               // not the Telemetry API
	NewLogsAPI            // the Logs API from schema 2021-03-18 on
)

// Event is one thing that happened. It must not change once it is published.
type Event struct {
	Time time.Time
	// Type is the event's own name: "platform.start", ..., "function" or
	// "extension".
	Type string
	// Record is what happened. A string that is one JSON object is shown as
	// that object where Structured is set and the schema of the subscriber knows
	// it (2022-12-13 and later), and as text otherwise.
	Record     any
	Structured bool
	Audience   Audience
}

// kind is what a subscription calls the event.
func (e *Event) kind() string {
	switch e.Type {
	case Function, Extension:
		return e.Type
	}
	return Platform
}

// TimeForm is how events write their time, in UTC.
const TimeForm = "2006-01-02T15:04:05.000Z"

// encode is the event as JSON. The error is that of its record.
func (e *Event) encode(structured bool) ([]byte, error) {
	record := e.Record
	if text, ok := record.(string); ok && structured && e.Structured {
		if object := []byte(text); isObject(object) {
			record = json.RawMessage(bytes.TrimSpace(object))
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{e.Time.UTC().Format(TimeForm), e.Type, record})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func isObject(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && b[0] == '{' && json.Valid(b)
}

// dropped is the record of platform.logsDropped.
type dropped struct {
	Bytes   int    `json:"droppedBytes"`
	Records int    `json:"droppedRecords"`
	Reason  string `json:"reason"`
}

const slowConsumer = "Some logs were dropped because the downstream consumer is slower than the logs production rate"
