package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestTextCarriesNoEscapes(t *testing.T) {
	var b bytes.Buffer
	if err := hostileScene().report(t).WriteText(&b, TextOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for i, r := range b.String() {
		if r != '\n' && (unicode.IsControl(r) || isBidi(r)) {
			t.Errorf("rune %U at byte %d of the terminal's view", r, i)
		}
	}
}

// Without colour there is no escape sequence at all; with it, the words stay
// the same.
func TestColourIsDecoration(t *testing.T) {
	r := spiky().report(t)
	var plain, coloured bytes.Buffer
	if err := r.WriteText(&plain, TextOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteText(&coloured, TextOptions{Width: 100, Color: true}); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsRune(plain.Bytes(), 0x1b) || !bytes.ContainsRune(coloured.Bytes(), 0x1b) {
		t.Error("escape sequences where none were asked for, or none where they were")
	}
	bare := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAll(coloured.Bytes(), nil)
	if squeeze(string(bare)) != squeeze(plain.String()) {
		t.Error("colour changes the words")
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// No line of any view is wider than asked, commands and paths apart.
func TestTextFitsItsWidth(t *testing.T) {
	for _, s := range []*scene{spiky(), large(), fewScene(), urlScene()} {
		r := s.report(t)
		for w := 60; w <= 130; w += 7 {
			var b bytes.Buffer
			if err := r.WriteText(&b, TextOptions{Width: w}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if n := len([]rune(line)); n > w && !strings.Contains(line, "bench ") && !strings.Contains(line, "runs/") {
					t.Errorf("%d runes in a width of %d: %s", n, w, line)
				}
			}
		}
	}
}

func TestMarkdownIsInert(t *testing.T) {
	var b bytes.Buffer
	if err := hostileScene().report(t).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	fence := strings.Index(text, "```") // the command is verbatim within its fence
	for _, bad := range []string{"<img", "<svg", "</script", "](javascript", "\x1b", "\u202e"} {
		if i := strings.Index(strings.ReplaceAll(text, `\]`, ""), bad); i >= 0 && (i < fence || bad == "\x1b") {
			t.Errorf("%q at byte %d of the Markdown", bad, i)
		}
	}
	if n := strings.Count(text, "```"); n%2 != 0 {
		t.Errorf("%d fences", n)
	}
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"a|b":             `a\|b`,
		"<b>":             "&lt;b>",
		"1. a":            `1\. a`,
		"1.5 ms at p99.9": "1.5 ms at p99.9",
		"# a":             `\# a`,
		"x86_64 _a_":      `x86_64 \_a\_`,
		"https://a.b/":    `https\://a.b/`,
		"[a](b)":          `\[a\](b)`,
		"x\ny":            "x y",
		"www.example.com": `www\.example.com`,
		"`c`":             "\\`c\\`",
	} {
		if got := markdown(in); got != want {
			t.Errorf("markdown(%q) = %q, want %q", in, got, want)
		}
	}
}

// Each picture is well-formed XML that asks for nothing outside.
func TestPicturesStandAlone(t *testing.T) {
	for _, s := range []*scene{spiky(), large(), hostileScene(), fewScene(), urlScene()} {
		r := s.report(t)
		for name, picture := range map[string]string{"percentiles": r.PercentilesSVG(), "timeline": r.TimelineSVG()} {
			d := xml.NewDecoder(strings.NewReader(picture))
			d.Strict = true
			for {
				tok, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				checkElement(t, name, tok)
			}
			if !strings.Contains(picture, string(r.Plan.Provenance)) {
				t.Errorf("%s does not say that it is %s", name, r.Plan.Provenance)
			}
		}
	}
}

func checkElement(t *testing.T, name string, tok xml.Token) {
	t.Helper()
	e, ok := tok.(xml.StartElement)
	if !ok {
		return
	}
	if e.Name.Local == "script" || e.Name.Local == "image" || e.Name.Local == "foreignObject" {
		t.Errorf("%s holds <%s>", name, e.Name.Local)
	}
	for _, a := range e.Attr {
		outside := a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#m-")
		if outside || a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
			t.Errorf("%s: <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"emulated:hello": "emulated:hello", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$(rm)": "'$(rm)'", "https://x/?a=1": "'https://x/?a=1'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzOutsideText(f *testing.F) {
	for _, a := range attacks {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range plain(s, 0) {
			if unicode.IsControl(r) || isBidi(r) {
				t.Fatalf("plain(%q) lets %U through", s, r)
			}
		}
		if m := markup(s); strings.ContainsAny(m, `<>"'`) {
			t.Fatalf("markup(%q) = %q", s, m)
		}
		if m := markdown(s); strings.ContainsAny(m, "<\n") {
			t.Fatalf("markdown(%q) = %q", s, m)
		}
		b, err := json.Marshal(cursorStep{Text: s})
		if err != nil || bytes.ContainsAny(b, "<>") {
			t.Fatalf("JSON of %q = %s, %v", s, b, err)
		}
	})
}
