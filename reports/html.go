package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed assets/chart.css
var chartCSS string

//go:embed assets/page.css
var pageCSS string

//go:embed assets/page.js
var pageJS string

//go:embed assets/page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// styleSheet is the one style element of the page.
func styleSheet() string {
	return "\n:root{color-scheme:light;" + lightTokens + "}\n" +
		"@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;" + darkTokens + "}}\n" +
		":root[data-theme=dark]{color-scheme:dark;" + darkTokens + "}\n" +
		chartCSS + pageCSS +
		"@media print{:root,:root[data-theme]{" + lightTokens + "}\n:root:not([data-theme=light]){" + lightTokens + "}}\n"
}

// policy allows the page's own style sheet and script by their hashes, and
// nothing else: no network, no inline handlers, no style attributes.
func policy(style, script string) string {
	return "default-src 'none'; style-src '" + hashOf(style) + "'; script-src '" + hashOf(script) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// WriteHTML writes the report as one page that needs nothing beside it: no
// network, no other file, and for reading it no script either.
func (r *Report) WriteHTML(w io.Writer) error {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, r.view()); err != nil {
		return fmt.Errorf("write report as HTML: %w", err)
	}
	if err := writePage(w, r.subject()+" · bench "+plain(r.Plan.Verb, 20), body.Bytes()); err != nil {
		return fmt.Errorf("write report as HTML: %w", err)
	}
	return nil
}

// writePage puts a body between head and script. Style sheet and script are
// written as they are hashed, so no template may touch them.
func writePage(w io.Writer, title string, body []byte) error {
	style := styleSheet()
	_, err := fmt.Fprintf(w, `<!doctype html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="%s">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<link rel="icon" href="data:,">
<style>%s</style>
</head>
%s<script>%s</script>
</body>
</html>
`, policy(style, pageJS), markup(title), style, body, pageJS)
	return err
}
