package reports

import (
	"strings"

	"charm.land/lipgloss/v2"

	"coldbench/record"
)

// paint colours words for a terminal, or leaves them as they are. It uses the
// sixteen colours that a terminal's own theme defines.
type paint struct{ on bool }

func (p paint) style(s lipgloss.Style, text string) string {
	if !p.on || text == "" {
		return text
	}
	return s.Render(text)
}

func (p paint) strong(text string) string { return p.style(lipgloss.NewStyle().Bold(true), text) }
func (p paint) faint(text string) string  { return p.style(lipgloss.NewStyle().Faint(true), text) }

func (p paint) tone(t Tone, text string) string {
	s := lipgloss.NewStyle().Bold(true)
	switch t {
	case ToneGood:
		s = s.Foreground(lipgloss.Green)
	case ToneCaution:
		s = s.Foreground(lipgloss.Yellow)
	case ToneBad:
		s = s.Foreground(lipgloss.Red)
	case ToneInfo:
		s = s.Foreground(lipgloss.Blue)
	}
	return p.style(s, text)
}

func (p paint) kind(start record.Start, text string) string {
	s := lipgloss.NewStyle()
	switch start {
	case record.StartCold:
		s = s.Foreground(lipgloss.BrightBlue)
	case record.StartWarm:
		s = s.Foreground(lipgloss.Yellow)
	case record.StartRestored:
		s = s.Foreground(lipgloss.Cyan)
	case record.StartProvisioned:
		s = s.Foreground(lipgloss.Magenta)
	}
	return p.style(s, text)
}

// marker is the letter and the shape of a kind: no meaning hangs on colour.
func marker(start record.Start) string {
	switch start {
	case record.StartCold:
		return "C ▲"
	case record.StartWarm:
		return "W ●"
	case record.StartRestored:
		return "R ◆"
	case record.StartProvisioned:
		return "P ■"
	case record.StartUnknown:
		return "? +"
	}
	return "   "
}

// wrap breaks text at plain spaces so that no line is wider than width. The
// first line is taken to stand behind something as wide as indent; the others
// start with indent itself. Fixed spaces hold numbers and units together.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	col := lipgloss.Width(indent)
	for i, word := range strings.Fields(strings.NewReplacer(nbsp, "\x00", thin, "\x01").Replace(text)) {
		word = strings.NewReplacer("\x00", nbsp, "\x01", thin).Replace(word)
		n := lipgloss.Width(word)
		switch {
		case i == 0:
		case col+1+n > width:
			b.WriteString("\n" + indent)
			col = lipgloss.Width(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += n
	}
	return b.String()
}
