package emulator

import (
	"regexp"
	"strings"
)

// parsePattern reads a filter pattern of terms: every word must occur, "quoted
// words" occur as they stand, -word must not, of several ?words one must, and
// %expression% is a regular expression. Source: CloudWatch Logs user guide,
// "Filter pattern syntax". Patterns over JSON fields and over columns are
// refused rather than misread.
func parsePattern(p string) (func(string) bool, *logsError) {
	p = strings.TrimSpace(p)
	switch {
	case p == "" || p == `""`:
		return nil, nil
	case p[0] == '{' || p[0] == '[':
		return nil, logsInvalid("Invalid filter pattern: the emulator reads terms, not patterns over fields")
	case len(p) > 1 && p[0] == '%' && p[len(p)-1] == '%':
		re, err := regexp.Compile(p[1 : len(p)-1])
		if err != nil {
			return nil, logsInvalid("Invalid filter pattern: %v", err)
		}
		return re.MatchString, nil
	}
	return parseTerms(p)
}

func parseTerms(p string) (func(string) bool, *logsError) {
	var all, any, not []string
	for p = strings.TrimSpace(p); p != ""; p = strings.TrimSpace(p) {
		list := &all
		switch p[0] {
		case '?':
			list, p = &any, p[1:]
		case '-':
			list, p = &not, p[1:]
		}
		var word string
		if strings.HasPrefix(p, `"`) {
			end := strings.IndexByte(p[1:], '"')
			if end < 0 {
				return nil, logsInvalid("Invalid filter pattern: a quote is not closed")
			}
			word, p = p[1:end+1], p[end+2:]
		} else if i := strings.IndexByte(p, ' '); i >= 0 {
			word, p = p[:i], p[i:]
		} else {
			word, p = p, ""
		}
		*list = append(*list, word)
	}
	return func(text string) bool {
		for _, w := range all {
			if !strings.Contains(text, w) {
				return false
			}
		}
		for _, w := range not {
			if strings.Contains(text, w) {
				return false
			}
		}
		for _, w := range any {
			if strings.Contains(text, w) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}
