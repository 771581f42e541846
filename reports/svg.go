package reports

import (
	"math"
	"strconv"
	"strings"
)

// svg builds one picture by hand. It writes classes and presentation
// attributes only, never style attributes, because the report's content
// security policy blocks those.
type svg struct {
	strings.Builder
}

// px prints a coordinate with at most one decimal.
func px(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func (s *svg) all(parts ...string) {
	for _, p := range parts {
		s.WriteString(p)
	}
}

// head opens the picture. The title names it, desc carries what it shows in
// words; id must be unique within the page.
func (s *svg) head(w, h float64, id, class, title, desc string) {
	s.all(`<svg xmlns="http://www.w3.org/2000/svg" class="chart `, class, `" viewBox="0 0 `, px(w), " ", px(h),
		`" width="`, px(w), `" height="`, px(h), `" role="img" aria-labelledby="`, id, `-t `, id, `-d">`,
		`<title id="`, id, `-t">`, markup(title), `</title><desc id="`, id, `-d">`, markup(desc), "</desc>\n")
}

func (s *svg) foot() { s.WriteString("</svg>\n") }

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	s.all(`<line class="`, class, `" x1="`, px(x1), `" y1="`, px(y1), `" x2="`, px(x2), `" y2="`, px(y2), "\"/>\n")
}

func (s *svg) rect(class string, x, y, w, h float64) {
	s.all(`<rect class="`, class, `" x="`, px(x), `" y="`, px(y), `" width="`, px(w), `" height="`, px(h), "\"/>\n")
}

func (s *svg) path(class, d string) {
	if d != "" {
		s.all(`<path class="`, class, `" d="`, d, "\"/>\n")
	}
}

// text writes escaped text. Anchor is start, middle or end.
func (s *svg) text(class, anchor string, x, y float64, text string) {
	s.all(`<text class="`, class, `" x="`, px(x), `" y="`, px(y), `"`)
	if anchor != "start" {
		s.all(` text-anchor="`, anchor, `"`)
	}
	s.all(">", markup(text), "</text>\n")
}

// use places a marker shape that markerShapes has defined in the same page.
func (s *svg) use(class, shape string, x, y float64, title string) {
	s.all(`<use class="`, class, `" href="#`, shape, `" x="`, px(x), `" y="`, px(y), `"`)
	if title == "" {
		s.WriteString("/>\n")
		return
	}
	s.all("><title>", markup(title), "</title></use>\n")
}

// markerShapes defines the shape of each kind once, centred on 0 0. The shape
// is what tells kinds apart where colours do not.
const markerShapes = `<defs><path id="m-cold" d="M0-5 5 4H-5Z"/><circle id="m-warm" r="3.2"/>` +
	`<path id="m-restored" d="M0-5 5 0 0 5-5 0Z"/><rect id="m-provisioned" x="-4" y="-4" width="8" height="8"/>` +
	`<path id="m-unknown" d="M-4 0H4M0-4V4"/><path id="m-error" d="M-4-4 4 4M-4 4 4-4"/></defs>` + "\n"

// polyline joins points into path data.
func polyline(pts []point) string {
	var b strings.Builder
	for i, p := range pts {
		if i == 0 {
			b.WriteByte('M')
		} else {
			b.WriteByte('L')
		}
		b.WriteString(px(p.x))
		b.WriteByte(' ')
		b.WriteString(px(p.y))
	}
	return b.String()
}

type point struct{ x, y float64 }

// textWidth guesses how wide a text will be set: about 0.56 em for each
// character of a sans-serif face, since no font can be measured here.
func textWidth(s string, size float64) float64 {
	return 0.56 * size * float64(len([]rune(s)))
}
