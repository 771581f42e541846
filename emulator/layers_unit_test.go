package emulator

import "testing"

// TestLayersAndCode: what layers weigh counts together with the code.
func TestLayersAndCode(t *testing.T) {
	for _, c := range []struct {
		code, layers int64
		says         string
	}{
		{262_143_999, 1, ""},
		{262_143_999, 2, "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes."},
	} {
		said := ""
		if bad := checkUnzipped(&code{unzipped: c.code}, &code{unzipped: c.layers}); bad != nil {
			said = bad.Text
		}
		if said != c.says {
			t.Errorf("%d and %d: %q", c.code, c.layers, said)
		}
	}
}
