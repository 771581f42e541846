package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// matcher compares answers with recorded ones, in which ids and names stand as
// placeholders: <uuid:1>, <function-name:1>. Within one test a numbered
// placeholder always means the same text, and two numbers of one kind mean two
// texts. Those without a number mean any text, unless they are bound at first.
type matcher struct {
	bound map[string]string
}

func newMatcher() *matcher {
	return &matcher{map[string]string{"<partition>": "aws", "<region>": "us-east-1"}}
}

var (
	placeholder = regexp.MustCompile(`<[A-Za-z][A-Za-z0-9_ .-]*(?::\d+)?>`)
	dateColumn  = regexp.MustCompile(`(^|\t)date\t`)
	requestID   = regexp.MustCompile(`Request ID: [0-9a-f-]{36}`) // which the record forgot to replace
	repeated    = regexp.MustCompile(`<(.):len\((\d+)\)>`)
)

// match gives the first difference, "" for none. On a difference nothing that
// was bound on the way stays bound.
func (m *matcher) match(want, got any) string {
	before := maps.Clone(m.bound)
	diff := m.value("", want, got)
	if diff != "" {
		m.bound = before
	}
	return diff
}

func (m *matcher) value(path string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		return m.object(path, want, got)
	case []any:
		list, ok := unquoted(got).([]any)
		if !ok || len(list) != len(want) {
			return fmt.Sprintf("%s: %s, recorded %s", path, brief(got), brief(want))
		}
		for i := range want {
			if d := m.value(fmt.Sprintf("%s[%d]", path, i), want[i], list[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		return m.text(path, want, got)
	}
	if want != got {
		return fmt.Sprintf("%s: %s, recorded %s", path, brief(got), brief(want))
	}
	return ""
}

// unquoted reads text that holds JSON, which the record shows as a value.
func unquoted(v any) any {
	if s, ok := v.(string); ok {
		var x any
		if json.Unmarshal([]byte(s), &x) == nil {
			return x
		}
	}
	return v
}

func (m *matcher) object(path string, want map[string]any, got any) string {
	have, ok := unquoted(got).(map[string]any)
	if !ok {
		return fmt.Sprintf("%s: %s, recorded %s", path, brief(got), brief(want))
	}
	if path == ".ResponseMetadata" {
		want = map[string]any{"HTTPStatusCode": want["HTTPStatusCode"]}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		v, ok := have[k]
		if !ok {
			return fmt.Sprintf("%s.%s: missing, recorded %s", path, k, brief(want[k]))
		}
		if list, ok := want[k].([]any); ok && k == "Errors" {
			list = slices.Clone(list)
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			want[k] = list
		}
		if d := m.value(path+"."+k, want[k], v); d != "" {
			return d
		}
	}
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[k]; !ok {
			return fmt.Sprintf("%s.%s: %s, not recorded", path, k, brief(have[k]))
		}
	}
	return ""
}

func (m *matcher) text(path, want string, got any) string {
	switch want {
	case "code-sha256", "log-result", "function-url", "date", "datetime", "timestamp", "create-time", "lambda-url", "too-old-log-event-end-index", "too-new-log-event-start-index":
		return "" // a time, an address or a number, which the record leaves out
	}
	text, ok := got.(string)
	if !ok {
		if placeholder.FindString(want) == want && got != nil {
			return "" // a number that stands as a placeholder
		}
		return fmt.Sprintf("%s: %s, recorded %q", path, brief(got), want)
	}
	names, form := m.form(want)
	found := form.FindStringSubmatch(text)
	if found == nil {
		return fmt.Sprintf("%s: %s, recorded %s", path, brief(text), brief(want))
	}
	for i, name := range names {
		if d := m.bind(name, found[i+1]); d != "" {
			return path + ": " + d
		}
	}
	return ""
}

// form turns recorded text into an expression, with a group for each numbered
// placeholder that is not bound.
func (m *matcher) form(want string) (names []string, form *regexp.Regexp) {
	want = repeated.ReplaceAllStringFunc(want, func(s string) string {
		var n int
		p := repeated.FindStringSubmatch(s)
		_, _ = fmt.Sscan(p[2], &n)
		return strings.Repeat(p[1], n)
	})
	want = dateColumn.ReplaceAllString(want, "$1<date>\t")
	want = requestID.ReplaceAllString(want, "Request ID: <request>")
	whole := placeholder.FindString(want) == want
	var b strings.Builder
	b.WriteString("(?s)^")
	for want != "" {
		at := placeholder.FindStringIndex(want)
		if at == nil {
			break
		}
		b.WriteString(regexp.QuoteMeta(want[:at[0]]))
		name := want[at[0]:at[1]]
		want = want[at[1]:]
		switch value, bound := m.bound[name]; {
		case bound:
			b.WriteString(regexp.QuoteMeta(value))
		case strings.HasPrefix(name, "<resource:") || strings.HasPrefix(name, "<log-result:") || strings.Contains(name, "trace-id:") || strings.HasPrefix(name, "<domain:"):
			b.WriteString("(.+?)")
			names = append(names, name)
		case strings.Contains(name, ":"):
			b.WriteString("([^:]+?)")
			names = append(names, name)
		case whole, name == "<date>":
			b.WriteString(".+?")
		default:
			b.WriteString("[^:]+?")
		}
	}
	b.WriteString(regexp.QuoteMeta(want) + "$")
	return names, regexp.MustCompile(b.String())
}

func (m *matcher) bind(name, value string) string {
	if old, ok := m.bound[name]; ok && old != value {
		return fmt.Sprintf("%s is %q and %q", name, old, value)
	}
	kind, _, _ := strings.Cut(name, ":")
	for other, v := range m.bound {
		if other != name && v == value && strings.HasPrefix(other, kind+":") {
			return fmt.Sprintf("%s equals %s, recorded as different", name, other)
		}
	}
	m.bound[name] = value
	return ""
}

func brief(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
	if len(text) > 160 {
		text = text[:157] + "..."
	}
	return text
}
