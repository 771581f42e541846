package patterns

import (
	"encoding/json"
	"strconv"
	"strings"
)

// maxWildcards is the number of selectors with a wildcard in one pattern; each
// may have one.
const maxWildcards = 3

// step is one step of a selector: a member, an element, or all of either.
type step struct {
	name  string
	index int // -1 = a member
	all   bool
}

// compileJSON reads { conditions on a JSON event }.
func compileJSON(p string) (func(string) bool, *Error) {
	r := &reader{text: p}
	r.accept("{")
	wildcards := 0
	c := &conditions[any]{reader: r, simple: func() (condition[any], *Error) { return r.jsonCondition(&wildcards) }}
	is, err := c.any()
	if err != nil {
		return nil, err
	}
	if !r.accept("}") {
		return nil, r.unexpected()
	}
	if _, more := r.peek(); more {
		return nil, r.unexpected()
	}
	return func(text string) bool {
		text = strings.TrimSpace(text)
		if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
			return false
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var event any
		if d.Decode(&event) != nil || d.More() {
			return false
		}
		return is(event)
	}, nil
}

// jsonCondition reads one condition: a selector and what is asked of it.
func (r *reader) jsonCondition(wildcards *int) (condition[any], *Error) {
	path, err := r.selector(wildcards)
	if err != nil {
		return nil, err
	}
	switch {
	case r.keyword("IS"):
		return r.is(path)
	case r.keyword("NOT"):
		if !r.keyword("EXISTS") {
			return nil, r.unexpected()
		}
		return func(e any) bool { return len(find(e, path)) == 0 }, nil
	}
	holds, err := r.comparison()
	if err != nil {
		return nil, err
	}
	return func(e any) bool {
		for _, v := range find(e, path) {
			switch v := v.(type) {
			case string:
				if holds(v) {
					return true
				}
			case json.Number:
				if holds(v.String()) {
					return true
				}
			}
		}
		return false
	}, nil
}

// is reads what follows IS: NULL, TRUE or FALSE.
func (r *reader) is(path []step) (condition[any], *Error) {
	var want any
	switch {
	case r.keyword("NULL"):
	case r.keyword("TRUE"):
		want = true
	case r.keyword("FALSE"):
		want = false
	default:
		return nil, r.unexpected()
	}
	return func(e any) bool {
		for _, v := range find(e, path) {
			switch v.(type) {
			case nil, bool:
				if v == want {
					return true
				}
			}
		}
		return false
	}, nil
}

// keyword passes over a word in capitals if it is next.
func (r *reader) keyword(word string) bool {
	begin := r.at
	if r.run(isWord) == word {
		return true
	}
	r.at = begin
	return false
}

// selector reads $.name.name[0].name and $.list[*].name.
func (r *reader) selector(wildcards *int) ([]step, *Error) {
	if !r.accept("$") {
		return nil, r.unexpected()
	}
	var path []step
	all := 0
	for r.at < len(r.text) && (r.text[r.at] == '.' || r.text[r.at] == '[') {
		s, err := r.step()
		if err != nil {
			return nil, err
		}
		if s.all {
			all++
		}
		path = append(path, s)
	}
	if all > 0 {
		*wildcards++
	}
	switch {
	case len(path) == 0:
		return nil, r.unexpected()
	case all > 1 || *wildcards > maxWildcards:
		return nil, refusef("Invalid filter pattern: more than one wildcard in a selector, or more than %d in all", maxWildcards)
	}
	return path, nil
}

func (r *reader) step() (step, *Error) {
	if r.text[r.at] == '.' {
		r.at++
		if r.at < len(r.text) && r.text[r.at] == '*' {
			r.at++
			return step{index: -1, all: true}, nil
		}
		name := ""
		if r.at < len(r.text) && r.text[r.at] != ' ' {
			name = r.run(func(c rune) bool { return isWord(c) || c == '-' })
		}
		if name == "" {
			return step{}, r.unexpected()
		}
		return step{name: name, index: -1}, nil
	}
	r.at++
	s := step{}
	if r.accept("*") {
		s.all = true
	} else {
		n, err := strconv.Atoi(r.run(func(c rune) bool { return c >= '0' && c <= '9' }))
		if err != nil {
			return s, r.unexpected()
		}
		s.index = n
	}
	if !r.accept("]") {
		return s, r.unexpected()
	}
	return s, nil
}

// find is what a path leads to: nothing, one value, or one for each element of
// a wildcard.
func find(v any, path []step) []any {
	if len(path) == 0 {
		return []any{v}
	}
	s, rest := path[0], path[1:]
	switch v := v.(type) {
	case map[string]any:
		if s.index >= 0 {
			return nil
		}
		if member, ok := v[s.name]; ok && !s.all {
			return find(member, rest)
		}
		var found []any
		for _, member := range v {
			if s.all {
				found = append(found, find(member, rest)...)
			}
		}
		return found
	case []any:
		if s.all && s.index >= 0 {
			var found []any
			for _, element := range v {
				found = append(found, find(element, rest)...)
			}
			return found
		}
		if s.index >= 0 && s.index < len(v) {
			return find(v[s.index], rest)
		}
	}
	return nil
}
