package parsers

import (
	"os"
	"strings"
	"testing"
)

// Each rule means something, and stands in the table of docs/method.md.
func TestEveryRuleIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/method.md")
	if err != nil {
		t.Fatal(err)
	}
	for rule, meaning := range meanings {
		if RuleMeaning(rule) != meaning {
			t.Errorf("%s: %q", rule, RuleMeaning(rule))
		}
		if name := "`" + rule + "`"; !strings.Contains(string(text), name) && !strings.Contains(string(text), "`; "+rule+"`") {
			t.Errorf("docs/method.md does not name the rule `%s`", rule)
		}
	}
}

func TestRuleMeaningOfNotes(t *testing.T) {
	got := RuleMeaning(RuleServedBefore + "; " + NoteNoStart + "; " + NoteNoEnd)
	if !strings.HasPrefix(got, meanings[RuleServedBefore]+"; ") || !strings.HasSuffix(got, meanings[NoteNoEnd]) {
		t.Errorf("%q", got)
	}
	if RuleMeaning("a rule of tomorrow") != "" || RuleMeaning("") != "" {
		t.Error("an unknown rule means something")
	}
}
