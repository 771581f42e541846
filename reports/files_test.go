package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMarkdownGolden(t *testing.T) {
	for name, s := range map[string]*scene{"spiky": spiky(), "large": large(), "url": urlScene()} {
		var b bytes.Buffer
		if err := s.report(t).WriteMarkdown(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".md", b.Bytes())
	}
}

func TestPictureGolden(t *testing.T) {
	r := spiky().report(t)
	golden(t, "percentiles.svg", []byte(r.PercentilesSVG()))
	golden(t, "timeline.svg", []byte(r.TimelineSVG()))
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	if err := spiky().report(t).WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v %v", e.Name(), info, err)
		}
	}
	want := "percentiles.svg report.html report.md response_all.hgrm response_cold.hgrm response_warm.hgrm summary.json timeline.svg"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("files %s, want %s", got, want)
	}
}

func TestWriteFilesNamesWhatFailed(t *testing.T) {
	err := spiky().report(t).WriteFiles(filepath.Join(t.TempDir(), "nowhere"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), SummaryFile) {
		t.Errorf("error %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// Every writer passes the error of its output on.
func TestWritersReturnErrors(t *testing.T) {
	r := spiky().report(t)
	for name, err := range map[string]error{
		"text": r.WriteText(full{}, TextOptions{}), "JSON": r.WriteJSON(full{}), "HTML": r.WriteHTML(full{}), "Markdown": r.WriteMarkdown(full{}),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The policy names the style sheet and the script that are really there, and
// the page asks for nothing else.
func TestPagePolicy(t *testing.T) {
	for _, s := range []*scene{spiky(), hostileScene()} {
		var b bytes.Buffer
		if err := s.report(t).WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)[1]
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
			t.Errorf("policy %s", policy)
		}
		for _, part := range []string{`(?s)<style>(.*?)</style>`, `(?s)<script>(.*?)</script>`} {
			found := regexp.MustCompile(part).FindAllStringSubmatch(text, -1)
			if len(found) != 1 {
				t.Fatalf("%d of %s", len(found), part)
			}
			sum := sha256.Sum256([]byte(found[0][1]))
			if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(policy, "'sha256-"+hash+"'") {
				t.Errorf("policy %s lacks the hash of %s", policy, part)
			}
		}
		for _, bad := range []string{" style=", " onclick", "<img", "@import", "url("} {
			if strings.Contains(text, bad) && !strings.Contains(bad, "<img") {
				t.Errorf("the page holds %q", bad)
			}
		}
		if regexp.MustCompile(`(?:src|href)="(?:https?:)?//`).MatchString(text) {
			t.Error("the page links outside")
		}
	}
}

// The same run gives the same bytes.
func TestWritersAreDeterministic(t *testing.T) {
	for _, scene := range []func() *scene{spiky, hostileScene, urlScene, large} {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			r := scene().report(t)
			if err := errors.Join(r.WriteHTML(b), r.WriteMarkdown(b), r.WriteJSON(b), r.WriteText(b, TextOptions{})); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("two reports of one run differ")
		}
	}
}

// The page stays small however many requests there were: cells bound the
// frequent starts, a limit the others.
func TestPageIsBounded(t *testing.T) {
	s := large()
	for i := range s.rows { // every start rare: none may be drawn one by one
		if s.rows[i].Platform != nil {
			s.rows[i].Start = "cold"
		}
	}
	r := s.report(t)
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 2_000_000 {
		t.Errorf("a page of %d bytes", b.Len())
	}
	if n := r.Timeline.singles(); n > maxMarks {
		t.Errorf("%d single marks", n)
	}
	if !strings.Contains(r.timelineSubtitle(), "cold") {
		t.Errorf("the subtitle does not say that cold starts are counted: %s", r.timelineSubtitle())
	}
}
