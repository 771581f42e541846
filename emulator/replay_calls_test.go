package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sendInvoke is Invoke, whose members are headers and whose body is the event.
func (p *replay) sendInvoke(r *http.Request, members map[string]json.RawMessage) (any, error) {
	for name, header := range invokeHeaders {
		if v := textOf(members, name); v != "" {
			r.Header.Set(header, v)
		}
	}
	payload := textOf(members, "Payload")
	if raw, err := base64.StdEncoding.DecodeString(textOf(members, "PayloadBase64")); err == nil && len(raw) > 0 {
		payload = string(raw)
	}
	if payload != "" {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(payload)), int64(len(payload))
	}
	resp, body, err := p.do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return shape(resp, body), nil
	}
	got := map[string]any{
		"Payload": string(body), "StatusCode": float64(resp.StatusCode),
		"ResponseMetadata": map[string]any{"HTTPStatusCode": float64(resp.StatusCode)},
	}
	for name, header := range map[string]string{"ExecutedVersion": "X-Amz-Executed-Version", "FunctionError": "X-Amz-Function-Error"} {
		if v := resp.Header.Get(header); v != "" {
			got[name] = v
		}
	}
	if v := resp.Header.Get("X-Amz-Log-Result"); v != "" {
		b, _ := base64.StdEncoding.DecodeString(v)
		got["LogResult"] = string(b)
	}
	return got, nil
}

// sendLogs is an operation of CloudWatch Logs.
func (p *replay) sendLogs(op string, members map[string]json.RawMessage) (any, error) {
	b, _ := json.Marshal(members)
	r, err := http.NewRequest(http.MethodPost, p.web.URL, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Logs_20140328."+op)
	resp, body, err := p.do(r)
	if err != nil {
		return nil, err
	}
	got := shape(resp, body)
	if resp.StatusCode >= 300 {
		// The errors of this service have no members in its model.
		got = map[string]any{"Error": got["Error"], "ResponseMetadata": got["ResponseMetadata"]}
	}
	return got, nil
}

// sendHTTP is a plain request, as to a function URL.
func (p *replay) sendHTTP(members map[string]json.RawMessage) (any, error) {
	text := func(name string) string { return textOf(members, name) }
	r, err := http.NewRequest(text("method"), text("url"), strings.NewReader(text("body")))
	if err != nil {
		return nil, err
	}
	var headers map[string]string
	_ = json.Unmarshal(members["headers"], &headers) // not given: none
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	resp, body, err := p.do(r)
	if err != nil {
		return nil, err
	}
	got := map[string]any{}
	for k := range resp.Header {
		got[strings.ToLower(k)] = resp.Header.Get(k)
	}
	return map[string]any{"statusCode": float64(resp.StatusCode), "content": string(body), "headers": got}, nil
}

var clockForm = regexp.MustCompile(`^(now|epoch)([+-]\d+)?$`)

// clockText is the time with an offset: now is in ms, epoch in s.
func clockText(form []string) string {
	offset, _ := strconv.ParseInt(form[2], 10, 64)
	if form[1] == "epoch" {
		return strconv.FormatInt(time.Now().Unix()+offset, 10)
	}
	return strconv.FormatInt(time.Now().UnixMilli()+offset, 10)
}

// manyTags is an object of n tags.
func manyTags(n string) string {
	count, _ := strconv.Atoi(n)
	tags := map[string]string{}
	for i := range count {
		tags[fmt.Sprintf("%d_key", i)] = fmt.Sprintf("%d_value", i)
	}
	return string(encodeJSON(tags))
}

var violations = regexp.MustCompile(`^(\d+) validation errors? detected: (.*)$`)

// parseViolations brings an error into the form that some recorded tests have
// it in: a number and a sorted list.
func parseViolations(got any) any {
	e, _ := got.(map[string]any)
	text, _ := e["Message"].(string)
	m := violations.FindStringSubmatch(text)
	if m == nil {
		return got
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	list := []any{}
	for part := range strings.SplitSeq(m[2], "; ") {
		list = append(list, part)
	}
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	return map[string]any{"Code": e["Code"], "Count": n, "Errors": list}
}

// lines splits the log of an earlier answer as the recorded tests do: ANSWER
// MEMBER, then bare for lines without their ends and without REPORT, or trimmed
// for lines without their ends.
func (p *replay) lines(words []string) (any, error) {
	answer, _ := p.saved[words[0]].(map[string]any)
	log, ok := answer["LogResult"].(string)
	if !ok {
		return nil, fmt.Errorf("%s has no LogResult", words[0])
	}
	style := strings.Join(words[2:], "")
	list := []any{}
	for line := range strings.Lines(log) {
		if style != "" {
			line = strings.TrimSpace(line)
		}
		if style != "bare" || !strings.HasPrefix(line, "REPORT ") {
			list = append(list, line)
		}
	}
	return map[string]any{words[1]: list}, nil
}

// digestHTTP is what the recorded tests kept of a plain request's answer.
func digestHTTP(got map[string]any, kind string, names []string) any {
	headers := map[string]any{}
	for _, name := range names {
		headers[name] = got["headers"].(map[string]any)[strings.ToLower(name)]
	}
	switch kind {
	case "status":
		return map[string]any{"status_code": got["statusCode"]}
	case "error":
		return map[string]any{"status_code": got["statusCode"], "content": got["content"], "headers": headers}
	}
	return map[string]any{"statuscode": got["statusCode"], "content": got["content"], "headers": headers}
}

// messages are those of an earlier answer's log events that begin with a word.
func (p *replay) messages(words []string) (any, error) {
	answer, _ := p.saved[words[0]].(map[string]any)
	events, _ := answer["events"].([]any)
	list := []any{}
	for _, e := range events {
		text, _ := e.(map[string]any)["message"].(string)
		if strings.HasPrefix(text, words[1]+" ") {
			list = append(list, strings.TrimSpace(text))
		}
	}
	return list, nil
}

// until repeats a request until a member of its answer, or the length of it, is
// this text: MEMBER TEXT OPERATION {members}.
func (p *replay) until(words []string) error {
	return p.await(strings.Join(words, " "), func() (bool, error) {
		got, err := p.call(words[2], words[3])
		answer, _ := got.(map[string]any)
		if list, ok := answer[words[0]].([]any); ok {
			return strconv.Itoa(len(list)) == words[1], err
		}
		return answer[words[0]] == words[1], err
	})
}

// await asks again until ok says yes, or something is wrong.
func (p *replay) await(what string, ok func() (bool, error)) error {
	deadline, again := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer again.Stop()
	for {
		if yes, err := ok(); yes || err != nil {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("%s: not within a minute", what)
		case <-again.C:
		}
	}
}
