package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// defaultWidth is the width of a table where stdout is no terminal.
const defaultWidth = 100

func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return defaultWidth
}

// colourful says whether colour may be used: on terminals, unless the user
// said no. https://no-color.org
func colourful(w io.Writer, no bool) bool {
	return !no && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}
