package reports

import (
	"bytes"
	"fmt"
	"testing"
)

func TestTextGolden(t *testing.T) {
	for name, s := range map[string]*scene{"spiky": spiky(), "large": large()} {
		r := s.report(t)
		for _, w := range []int{60, 80, 120} {
			var b bytes.Buffer
			if err := r.WriteText(&b, TextOptions{Width: w}); err != nil {
				t.Fatal(err)
			}
			golden(t, fmt.Sprintf("%s-%d.txt", name, w), b.Bytes())
		}
	}
}
