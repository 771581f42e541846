package emulator

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// replay sends the requests of one recorded test to an emulator of its own and
// compares the answers.
type replay struct {
	server   *Server
	web      *httptest.Server
	vars     map[string]string
	saved    map[string]any // answers by name
	recorded map[string]any
	matcher  *matcher
	seen     map[string]string // difference by recorded key, "" = none
	here     []replacement
}

// replacement is how AWS says what this machine says in another way.
type replacement struct {
	form *regexp.Regexp
	text string
}

// run gives the differences by recorded key; err is a fault of the script.
func (p *replay) run(t *replayTest) error {
	for _, step := range t.steps {
		if err := p.step(step); err != nil {
			return fmt.Errorf("%s: %w", step.where, err)
		}
	}
	return nil
}

func (p *replay) step(s replayStep) error {
	text, err := p.expand(s.text)
	if err != nil {
		return err
	}
	s.verb, s.save = replaceVars(s.verb, p.vars), replaceVars(s.save, p.vars)
	switch s.verb {
	case "let":
		name, value, _ := strings.Cut(text, " = ")
		p.vars[name] = value
		return nil
	case "bind":
		name, value, _ := strings.Cut(text, " = ")
		p.matcher.bound["<"+name+">"] = value
		return nil
	case "here":
		form, text, _ := strings.Cut(text, " = ")
		p.here = append(p.here, replacement{regexp.MustCompile(form), text})
		return nil
	case "until":
		return p.until(strings.SplitN(text, " ", 4))
	case "busy":
		return p.await(text, func() (bool, error) {
			p.server.mu.Lock()
			defer p.server.mu.Unlock()
			return p.server.running > 0, nil
		})
	case "pulled":
		for _, fn := range p.server.functions { // nobody else is at work
			if image := fn.latest.code.image; image != nil {
				<-image.pulled
			}
		}
		return nil
	case "pending":
		p.server.mu.Lock()
		p.server.set.StateDelay = map[string]time.Duration{"on": time.Hour}[text]
		p.server.mu.Unlock()
		return nil
	}
	got, err := p.answer(s.verb, text)
	if err != nil {
		return err
	}
	if s.save == "" {
		return nil
	}
	key, _, _ := strings.Cut(s.save, "/")
	p.saved[key] = got
	if s.check {
		return p.compare(s.save, got)
	}
	return nil
}

// answer is that of a request, or what a step makes of an earlier one.
func (p *replay) answer(verb, text string) (any, error) {
	switch verb {
	case "lines":
		return p.lines(strings.Fields(text))
	case "messages":
		return p.messages(strings.Fields(text))
	}
	return p.call(verb, text)
}

// compare looks at one recorded answer, or with key/member at a part of it.
func (p *replay) compare(key string, got any) error {
	name, member, deep := strings.Cut(key, "/")
	want, ok := p.recorded[name]
	if !ok {
		return fmt.Errorf("nothing is recorded as %q", name)
	}
	if deep {
		want = want.(map[string]any)[member]
	}
	if e, ok := want.(map[string]any); ok && fmt.Sprintf("%T", e["Code"]) == "string" {
		// Of these the record shows the error alone.
		got = got.(map[string]any)["Error"]
		if e["Errors"] != nil {
			got = parseViolations(got)
		}
	}
	if p.seen[name] == "" {
		p.seen[name] = p.matcher.match(want, p.translated(got))
	}
	return nil
}

// translated is an answer in AWS's words. What has been replaced is not replaced
// again.
func (p *replay) translated(got any) any {
	if len(p.here) == 0 {
		return got
	}
	text, isText := got.(string)
	if !isText {
		text = string(encodeJSON(got))
	}
	var b strings.Builder
	for text != "" {
		at, by := []int(nil), ""
		for _, r := range p.here {
			if found := r.form.FindStringIndex(text); found != nil && (at == nil || found[0] < at[0]) {
				at, by = found, r.text
			}
		}
		if at == nil {
			break
		}
		b.WriteString(text[:at[0]] + by)
		text = text[at[1]:]
	}
	text = b.String() + text
	if isText {
		return text
	}
	var v any
	_ = json.Unmarshal([]byte(text), &v) // it was JSON before
	return v
}

// expand puts values in the place of ${name}, ${answer.member...} and
// ${zip:folder}. A variable's own text may hold more of them.
func (p *replay) expand(text string) (string, error) {
	var bad error
	out := variableForm.ReplaceAllStringFunc(replaceVars(replaceVars(text, p.vars), p.vars), func(m string) string {
		name := m[2 : len(m)-1]
		if folder, ok := strings.CutPrefix(name, "zip:"); ok {
			b, err := replayZip(folder)
			if err != nil {
				bad = err
			}
			return base64.StdEncoding.EncodeToString(b)
		}
		if t := clockForm.FindStringSubmatch(name); t != nil {
			return clockText(t)
		}
		if n, ok := strings.CutPrefix(name, "tags:"); ok {
			return manyTags(n)
		}
		if letter, times, ok := strings.Cut(name, "*"); ok {
			n, _ := strconv.Atoi(times)
			return strings.Repeat(letter, n)
		}
		v, err := p.lookup(name)
		if err != nil {
			bad = err
		}
		return v
	})
	return out, bad
}

func (p *replay) lookup(name string) (string, error) {
	parts := strings.Split(name, ".")
	v, ok := p.saved[parts[0]]
	for _, part := range parts[1:] {
		m, _ := v.(map[string]any)
		v, ok = m[part]
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	}
	if !ok {
		return "", fmt.Errorf("${%s} is not known", name)
	}
	return "", fmt.Errorf("${%s} is %s", name, brief(v))
}

// replayZip packs a folder of testdata/replay/functions.
func replayZip(folder string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	dir := os.DirFS("testdata/replay/functions/" + folder)
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		w, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(dir, name)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
	if err == nil {
		err = z.Close()
	}
	return b.Bytes(), err
}

// call sends one request: OPERATION {members} [| all MEMBER] [| keys MEMBER...]
// [| only MEMBER].
func (p *replay) call(verb, text string) (any, error) {
	text, pipe, _ := strings.Cut(text, " | ")
	members := map[string]json.RawMessage{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	verb = camel(verb)
	if verb == "Create" {
		verb = "CreateFunction"
		createDefaults(members)
	}
	if list, ok := strings.CutPrefix(pipe, "all "); ok {
		return p.callAll(verb, members, list)
	}
	got, err := p.send(verb, members)
	if list := strings.Fields(pipe); len(list) > 0 && verb == "HTTP" && list[0] != "only" && err == nil {
		return digestHTTP(got.(map[string]any), list[0], list[1:]), nil
	}
	if member, ok := strings.CutPrefix(pipe, "only "); ok && err == nil {
		return got.(map[string]any)[member], nil
	}
	if rest, ok := strings.CutPrefix(pipe, "keys "); ok && err == nil {
		keepKeys(got.(map[string]any), strings.Fields(rest))
	}
	return got, err
}

// keepKeys replaces members by the sorted names of their members.
func keepKeys(got map[string]any, members []string) {
	for _, k := range members {
		inner, _ := got[k].(map[string]any)
		keys := []any{}
		for _, name := range slices.Sorted(maps.Keys(inner)) {
			keys = append(keys, name)
		}
		got[k] = keys
	}
}

// callAll follows the pages of a list.
func (p *replay) callAll(verb string, members map[string]json.RawMessage, list string) (any, error) {
	all := []any{}
	for {
		got, err := p.send(verb, members)
		if err != nil {
			return nil, err
		}
		page, _ := got.(map[string]any)[list].([]any)
		all = append(all, page...)
		marker := got.(map[string]any)["NextMarker"]
		if marker == nil {
			return map[string]any{list: all}, nil
		}
		members["Marker"] = encodeJSON(marker)
	}
}

// camel turns get_function into GetFunction.
func camel(name string) string {
	if strings.ToLower(name) != name {
		return name
	}
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// createDefaults are what the recorded tests' own helper sends with each
// CreateFunction.
func createDefaults(members map[string]json.RawMessage) {
	code, _ := replayZip("echo")
	for k, v := range map[string]string{
		"Handler": `"handler.handler"`, "Runtime": `"python3.12"`, "Role": `"arn:aws:iam::111111111111:role/r"`, "Timeout": "30",
		"Environment": `{"Variables":{}}`, "Code": `{"ZipFile":"` + base64.StdEncoding.EncodeToString(code) + `"}`,
	} {
		if old, given := members[k]; !given {
			members[k] = json.RawMessage(v)
		} else if string(old) == "null" {
			delete(members, k)
		}
	}
}

// send makes the HTTP request and shapes the answer as the record has it.
func (p *replay) send(verb string, members map[string]json.RawMessage) (any, error) {
	if op, ok := strings.CutPrefix(verb, "logs:"); ok {
		return p.sendLogs(op, members)
	}
	if verb == "HTTP" {
		return p.sendHTTP(members)
	}
	members = maps.Clone(members)
	model, ok := replayOperations[verb]
	if !ok {
		return nil, fmt.Errorf("no operation %s", verb)
	}
	method, path, _ := strings.Cut(model, " ")
	path, query, _ := strings.Cut(path, "?")
	take := func(name string) string {
		v := textOf(members, name)
		delete(members, name)
		return v
	}
	for open := strings.IndexByte(path, '{'); open >= 0; open = strings.IndexByte(path, '{') {
		end := strings.IndexByte(path, '}')
		path = path[:open] + strings.ReplaceAll(url.PathEscape(take(path[open+1:end])), ":", "%3A") + path[end+1:]
	}
	q, keys := url.Values{}, []string{}
	for name := range strings.SplitSeq(query, "&") {
		fixed, value, isFixed := strings.Cut(name, "=")
		switch {
		case isFixed:
			q.Set(fixed, value)
		case name == "tagKeys":
			_ = json.Unmarshal(members["TagKeys"], &keys)
			q[name] = keys
		case members[name] != nil:
			q.Set(name, take(name))
		}
	}
	delete(members, "TagKeys")
	r, err := http.NewRequest(method, p.web.URL+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if verb == "Invoke" {
		return p.sendInvoke(r, members)
	}
	if len(members) > 0 {
		b, _ := json.Marshal(members)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
	resp, body, err := p.do(r)
	if err != nil {
		return nil, err
	}
	got := shape(resp, body)
	if verb == "DeleteFunction" && resp.StatusCode < 300 {
		got["StatusCode"] = float64(resp.StatusCode)
	}
	return got, nil
}

// textOf gives a member as it stands in a path, a query or a header.
func textOf(members map[string]json.RawMessage, name string) string {
	var text string
	if json.Unmarshal(members[name], &text) == nil {
		return text
	}
	return string(members[name])
}

func (p *replay) do(r *http.Request) (*http.Response, []byte, error) {
	resp, err := p.web.Client().Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// shape is an answer as the official client for Python shows it.
func shape(resp *http.Response, body []byte) map[string]any {
	got := map[string]any{}
	_ = json.Unmarshal(body, &got) // no body: no members
	if resp.StatusCode >= 300 {
		got = shapeError(resp.Header.Get("X-Amzn-Errortype"), got)
	}
	got["ResponseMetadata"] = map[string]any{"HTTPStatusCode": float64(resp.StatusCode)}
	return got
}

func shapeError(code string, body map[string]any) map[string]any {
	if code == "" {
		code, _ = body["__type"].(string)
		delete(body, "__type")
	}
	text, ok := body["message"]
	if !ok {
		text = body["Message"]
	}
	got := body
	if unmodelled[code] {
		got = map[string]any{}
	}
	got["Error"] = map[string]any{"Code": code, "Message": text}
	return got
}
