package scripted

import "strings"

// Reports says whether any step carries a REPORT line in its tail, so that
// every answered request is expected to have one.
func (t *Target) Reports() bool {
	for _, steps := range [][]Step{t.special, t.cycle} {
		for _, s := range steps {
			if strings.Contains(s.Tail, "REPORT RequestId:") {
				return true
			}
		}
	}
	return false
}
