package emulator

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
)

// reservedVariables are those that Lambda does not let a function set.
// Source: AWS Lambda developer guide, "Defined runtime environment variables".
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// variables is the whole environment of a runtime process, as recorded from AWS
// in January and February 2026, with this machine's folders and throwaway
// credentials in it. TMPDIR is not among AWS's: it names the environment's own
// /tmp where that stands elsewhere.
func (e *environment) variables(l layout) []string {
	c, task := &e.version.config, l.task
	env := map[string]string{
		"AWS_ACCESS_KEY_ID":               "ASIACOLDBENCHEMULATE",
		"AWS_SECRET_ACCESS_KEY":           "coldbench/emulator/not/a/secret/key/0000",
		"AWS_SESSION_TOKEN":               "coldbench-emulator-not-a-session-token",
		"AWS_DEFAULT_REGION":              e.server.set.Region,
		"AWS_REGION":                      e.server.set.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME":        e.version.function.name,
		"AWS_LAMBDA_FUNCTION_VERSION":     e.version.number,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  e.kind,
		"AWS_LAMBDA_LOG_GROUP_NAME":       c.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      e.stream,
		"AWS_LAMBDA_RUNTIME_API":          e.listener.Addr().String(),
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":         "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS":        "127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT":           "2000",
		"LAMBDA_RUNTIME_DIR":              runtimeDir,
		"LAMBDA_TASK_ROOT":                task,
		"LANG":                            "en_US.UTF-8",
		"LD_LIBRARY_PATH":                 "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + task + ":" + filepath.Join(task, "lib") + ":/opt/lib",
		"PATH":                            "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ":                              ":UTC",
		"_HANDLER":                        c.Handler,
	}
	if c.LogFormat == "JSON" {
		env["AWS_LAMBDA_LOG_FORMAT"], env["AWS_LAMBDA_LOG_LEVEL"] = "JSON", c.AppLevel
	}
	runtimeVariables(env, c.Runtime, task)
	layerVariables(env, c.Runtime, l.layers)
	if l.tmp == "" {
		env["TMPDIR"] = e.tmp
	}
	if image := e.version.image(); image != nil {
		return imageVariables(image, env, c.Variables)
	}
	maps.Copy(env, c.Variables)
	return assignments(env)
}

// runtimeVariables are those that differ by runtime. The managed ones but for
// Java's are started by a shell.
func runtimeVariables(env map[string]string, runtime, task string) {
	switch {
	case runtime == "provided.al2":
		for _, name := range []string{"PATH", "LD_LIBRARY_PATH"} {
			_, env[name], _ = strings.Cut(env[name], ":") // that of /var/lang
		}
		return
	case runtime == "", strings.HasPrefix(runtime, "provided"):
		return
	case strings.HasPrefix(runtime, "nodejs"):
		env["NODE_PATH"] = "/var/runtime/node_modules:/var/runtime:" + task
	case strings.HasPrefix(runtime, "python"):
		env["PYTHONPATH"] = runtimeDir
	}
	env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + runtime
	if !strings.HasPrefix(runtime, "java") {
		env["PWD"], env["SHLVL"] = task, "0"
	}
}

// environmentRequest are variables as a request gives them.
type environmentRequest struct {
	Variables map[string]string
	text      []byte // as given, but for blanks
}

// UnmarshalJSON implements json.Unmarshaler. It keeps the order of the
// variables, in which the service shows them in an error.
func (e *environmentRequest) UnmarshalJSON(b []byte) error {
	var given struct{ Variables json.RawMessage }
	if err := json.Unmarshal(b, &given); err != nil || given.Variables == nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Compact(&text, given.Variables); err != nil {
		return err
	}
	e.text = text.Bytes()
	return json.Unmarshal(given.Variables, &e.Variables)
}

// check refuses what Lambda refuses.
func (e *environmentRequest) check() *apiError {
	var reserved []string
	for _, k := range reservedVariables {
		if _, ok := e.Variables[k]; ok {
			reserved = append(reserved, k)
		}
	}
	if len(reserved) > 0 {
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	if len(e.text) > 4096 {
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", e.text)
	}
	return nil
}
