package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The test binary is also an extension: started with TEST_FUNCTION=extension it
// does what the words of TEST_EXTENSION say.

// extensionClient is the smallest client of the Extensions API.
type extensionClient struct {
	base string
	id   string
}

func newExtensionClient() *extensionClient {
	return &extensionClient{base: "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")}
}

// call makes one call and gives the status with the body.
func (c *extensionClient) call(method, path, body string, headers ...string) (*http.Response, string) {
	req, _ := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if c.id != "" {
		req.Header.Set("Lambda-Extension-Identifier", c.id)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(9)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp, fmt.Sprintf("%d %s", resp.StatusCode, text)
}

func (c *extensionClient) register(name, events string) string {
	resp, text := c.call(http.MethodPost, "/2020-01-01/extension/register", `{"events":[`+events+`]}`, "Lambda-Extension-Name", name, "Lambda-Extension-Accept-Feature", "accountId")
	c.id = resp.Header.Get("Lambda-Extension-Identifier")
	return text
}

// happened is an event that an extension gets.
type happened struct {
	EventType, RequestID, InvokedFunctionArn, ShutdownReason string
	DeadlineMs                                               int64
	Tracing                                                  struct{ Type, Value string }
}

func (c *extensionClient) next() happened {
	resp, text := c.call(http.MethodGet, "/2020-01-01/extension/event/next", "")
	if resp.StatusCode != http.StatusOK {
		fmt.Println("extension: next:", text)
		os.Exit(8)
	}
	if resp.Header.Get("Lambda-Extension-Event-Identifier") == "" {
		fmt.Println("extension: an event without identifier")
	}
	var h happened
	_, body, _ := strings.Cut(text, " ")
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		os.Exit(7)
	}
	return h
}

func runExtension(words []string) {
	c := newExtensionClient()
	set := map[string]string{"name": filepath.Base(os.Args[1]), "events": "INVOKE,SHUTDOWN", "as": filepath.Base(os.Args[1])}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		set[k] = v
	}
	say := func(format string, args ...any) { fmt.Printf(set["name"]+": "+format+"\n", args...) }
	if set["init"] == "exit" {
		os.Exit(3)
	}
	var events []string
	for e := range strings.SplitSeq(set["events"], ",") {
		if e != "" {
			events = append(events, `"`+e+`"`)
		}
	}
	answer := c.register(set["as"], strings.Join(events, ","))
	if set["tell"] != "" {
		say("%s", answer)
	}
	if c.id == "" {
		os.Exit(6)
	}
	if set["pid"] != "" {
		say("pid %d", os.Getpid())
	}
	switch set["init"] {
	case "error":
		c.call(http.MethodPost, "/2020-01-01/extension/init/error", `{"errorMessage":"no"}`, "Lambda-Extension-Function-Error-Type", "Extension.NoConfig")
		os.Exit(1)
	case "hang":
		select {}
	}
	if path := set["subscribe"]; path != "" {
		c.subscribe(path, set, say)
	}
	for {
		h := c.next()
		say("%s %s %s %s %v %s", h.EventType, h.RequestID, h.InvokedFunctionArn, h.ShutdownReason, time.Until(time.UnixMilli(h.DeadlineMs)) > 0, h.Tracing.Type)
		c.do(set, h)
	}
}

// do is what an extension does with an event: how=crash, how=exit-error, how=slow
// or how=deaf.
func (c *extensionClient) do(set map[string]string, h happened) {
	switch how := set["how"]; {
	case h.EventType == "SHUTDOWN" && how == "deaf":
		select {}
	case h.EventType == "SHUTDOWN":
		os.Exit(0)
	case how == "crash":
		os.Exit(4)
	case how == "exit-error":
		c.call(http.MethodPost, "/2020-01-01/extension/exit/error", `{}`, "Lambda-Extension-Function-Error-Type", "Extension.Broken")
		os.Exit(1)
	case how == "slow":
		time.Sleep(300 * time.Millisecond)
	case how == "never":
		select {}
	}
}

// subscribe listens for telemetry and repeats what it is told, one line each.
func (c *extensionClient) subscribe(path string, set map[string]string, say func(string, ...any)) {
	l, err := net.Listen("tcp", "sandbox.localdomain:0")
	if err != nil {
		say("no name: %v", err)
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			os.Exit(5)
		}
	}
	go http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var events []json.RawMessage
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &events)
		for _, e := range events {
			say("told %s", bytes.TrimSpace(e))
		}
	}))
	schema := map[string]string{"/2022-07-01/telemetry": "2025-01-29", "/2020-08-15/logs": "2021-03-18"}[path]
	request := fmt.Sprintf(`{"schemaVersion":%q,"types":["platform","function"],"buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:%d"}}`, schema, l.Addr().(*net.TCPAddr).Port)
	_, text := c.call(http.MethodPut, path, request)
	if set["tell"] != "" {
		say("%s", text)
		_, text = c.call(http.MethodPut, path, `{"types":[]}`)
		say("%s", text)
	}
}

// internal makes the function register extensions of its own: their names, and
// events after a colon.
func (c *runtimeClient) internal(arg string) {
	name, events, _ := strings.Cut(arg, ":")
	x := newExtensionClient()
	c.notes = append(c.notes, x.register(name, events))
	if x.id != "" {
		go func() {
			for {
				h := x.next()
				fmt.Println("internal:", h.EventType)
			}
		}()
	}
}

// layer is a folder of extensions that are this test binary: by name, what each
// of them does.
func layer(t testing.TB, how map[string]string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "extensions"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, words := range how {
		script := fmt.Sprintf("#!/bin/sh\nTEST_FUNCTION=extension TEST_EXTENSION='%s' exec %s \"$0\"\n", words, self)
		if err := os.WriteFile(filepath.Join(dir, "extensions", name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// refusedCalls are answers to calls that must be refused once the init is over.
func refusedCalls() (answers []string) {
	const register, next = "/2020-01-01/extension/register", "/2020-01-01/extension/event/next"
	const unknown = "3da1f2dc-3222-475e-9205-e2e6c6318895"
	c := newExtensionClient()
	for _, call := range [][]string{
		{http.MethodPost, register, `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "late"},
		{http.MethodPost, register, `{}`},
		{http.MethodPost, register, `{"events":["LUNCH"]}`, "Lambda-Extension-Name", "late"},
		{http.MethodPost, register, `{`, "Lambda-Extension-Name", "late"},
		{http.MethodGet, next, ""},
		{http.MethodGet, next, "", "Lambda-Extension-Identifier", "x"},
		{http.MethodGet, next, "", "Lambda-Extension-Identifier", unknown},
		{http.MethodPut, "/2022-07-01/telemetry", "{}", "Lambda-Extension-Identifier", unknown},
		{http.MethodGet, "/2020-01-01/extension/event/last", ""},
		{http.MethodGet, register, ""},
	} {
		_, answer := c.call(call[0], call[1], call[2], call[3:]...)
		answers = append(answers, answer)
	}
	return answers
}

// invokeDirectly invokes a function without a web server in between.
func invokeDirectly(t *testing.T, s http.Handler, name string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/"+name+"/invocations", strings.NewReader("{}")))
	if w.Code != http.StatusOK || w.Header().Get("X-Amz-Function-Error") != "" {
		t.Errorf("%s: %d %s", name, w.Code, w.Body)
	}
}
