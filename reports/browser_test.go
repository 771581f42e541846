package reports

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var shots = flag.String("shots", "", "folder in which the browser test leaves its screenshots")

// browser starts a headless Chromium, or skips the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no browser: none of chromium, chromium-browser, google-chrome, chrome is installed")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoFirstRun, chromedp.Headless, chromedp.DisableGPU, chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Skipf("no browser: %s does not start: %v", path, err)
	}
	return ctx
}

// complaints gathers what the browser has against a page.
type complaints struct{ list []string }

func (c *complaints) listen(ctx context.Context) {
	_ = chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			c.list = append(c.list, fmt.Sprintf("console.%s %v", e.Type, e.Args))
		case *runtime.EventExceptionThrown:
			c.list = append(c.list, "exception "+e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			c.list = append(c.list, fmt.Sprintf("log %s %s", e.Entry.Level, e.Entry.Text))
		}
	})
}

// writeHTML writes a report into a file of its own and gives its URL.
func writeHTML(t *testing.T, r *Report) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// facts is what the page is asked for after it has been laid out.
type facts struct {
	Scroll, Client int
	Violations     int
	H1             int
	StyleAttrs     int
	Foreign        int // images or scripts with a source, frames, links to style sheets
	Fired          bool
	Visible        int // charts that are shown
	Small          float64
	Duplicates     []string
}

const askPage = `(() => {
  const ids = {}, dup = [];
  document.querySelectorAll('[id]').forEach(e => { if (ids[e.id]) dup.push(e.id); ids[e.id] = 1; });
  const charts = [...document.querySelectorAll('svg.chart')].filter(e => e.getClientRects().length);
  const small = Math.min(...charts.map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width), 9);
  return JSON.stringify({
    Scroll: document.documentElement.scrollWidth, Client: document.documentElement.clientWidth,
    Violations: window.violations || 0, H1: document.querySelectorAll('h1').length,
    StyleAttrs: document.querySelectorAll('[style]').length,
    Foreign: document.querySelectorAll('img,iframe,object,embed,link[rel=stylesheet],script[src]').length,
    Fired: !!window.fired, Visible: charts.length, Small: small, Duplicates: dup});
})()`

func TestPageInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	ctx := browser(t)
	bad := &complaints{}
	bad.listen(ctx)
	count := `document.addEventListener('securitypolicyviolation', () => { window.violations = (window.violations || 0) + 1 })`
	err := chromedp.Do(ctx, call(log.Enable, cdp.Empty{}),
		call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: count}))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*scene{"spiky": spiky(), "large": large(), "hostile": hostileScene(), "few": fewScene(), "url": urlScene()} {
		url := writeHTML(t, s.report(t))
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{390, 820, 1440} {
				visit(ctx, t, url, fmt.Sprintf("%s-%s-%d", name, scheme, width), scheme, width)
			}
		}
	}
	for _, c := range bad.list {
		t.Error(c)
	}
}

func visit(ctx context.Context, t *testing.T, url, name, scheme string, width int64) {
	t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	err := chromedp.Do(ctx, call(emulation.SetEmulatedMedia, media), chromedp.EmulateViewport(width, 900), chromedp.Navigate(url))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[string](askPage))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var f facts
	if err := json.Unmarshal([]byte(answer), &f); err != nil {
		t.Fatal(err)
	}
	if f.Scroll > f.Client {
		t.Errorf("%s: page scrolls sideways: %d > %d", name, f.Scroll, f.Client)
	}
	if f.Violations != 0 || f.H1 != 1 || f.StyleAttrs != 0 || f.Foreign != 0 || f.Fired || len(f.Duplicates) > 0 {
		t.Errorf("%s: %+v", name, f)
	}
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The keyboard alone reaches every percentile, and the theme button turns.
func TestPageKeyboard(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	ctx := browser(t)
	url := writeHTML(t, spiky().report(t))
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(url), chromedp.Focus("#cursor-box")); err != nil {
		t.Fatal(err)
	}
	ask := func(expression string) string {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	press := func(keys ...string) {
		for _, k := range keys {
			if err := chromedp.Do(ctx, chromedp.KeyEvent(k)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const reading = `document.getElementById('cursor-reading').textContent`
	idle := ask(reading)
	press(kb.ArrowRight)
	first, value := ask(reading), ask(`document.getElementById('cursor-box').getAttribute('aria-valuetext')`)
	press(kb.ArrowRight, kb.ArrowRight)
	last := ask(reading)
	if *shots != "" {
		png, err := chromedp.Run(ctx, chromedp.Screenshot("#percentiles"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, "keyboard.png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	press(kb.Escape)
	after := ask(reading)
	if err := chromedp.Do(ctx, chromedp.Click("#theme"), chromedp.Click("#theme")); err != nil {
		t.Fatal(err)
	}
	theme := ask(`document.documentElement.dataset.theme`)
	if !strings.HasPrefix(first, "p10: ") || value != first || !strings.HasPrefix(last, "p50: ") || after != idle || theme != "dark" {
		t.Errorf("idle %q\nfirst %q\nvalue %q\nlast %q\nafter Escape %q\ntheme %q", idle, first, value, last, after, theme)
	}
}

// call makes an action of a protocol command whose answer is of no interest.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func TestPagePrints(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	ctx := browser(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(writeHTML(t, spiky().report(t)))); err != nil {
		t.Fatal(err)
	}
	// 182 mm, what A4 leaves between its margins, as the screen would show it.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(688, 900), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})); err != nil {
		t.Fatal(err)
	}
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll('svg.chart')].filter(e => e.getClientRects().length).map(e => e.viewBox.baseVal.width).join(' ')`))
	if err != nil || shown != "360 720 720 720 720" {
		t.Errorf("charts on paper are %s wide, want 360 720 720 720 720 (%v)", shown, err)
	}
	if *shots != "" {
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, "print.png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	yes := true
	res, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (page.PrintToPDFResult, error) {
		return cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: &yes, PreferCSSPageSize: &yes})
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(res.Data), "%PDF") {
		t.Errorf("printing gave %d bytes that are no PDF", len(res.Data))
	}
	if *shots != "" {
		if err := os.WriteFile(filepath.Join(*shots, "print.pdf"), res.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
