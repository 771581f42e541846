package emulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

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

// blanks reads as blanks without end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestSizeLimits: the texts as recorded in November 2025, at the first byte too
// many.
func TestSizeLimits(t *testing.T) {
	s := &Server{}
	if _, bad := s.store(&codeRequest{ZipFile: make([]byte, maxZip+1)}); bad == nil || bad.Text != "Zipped size must be smaller than 52428800 bytes" {
		t.Errorf("a package of %d bytes: %v", maxZip+1, bad)
	}
	var req createRequest
	r := httptest.NewRequest(http.MethodPost, "/", io.LimitReader(blanks{}, maxCreateBody+1))
	bad := decode(httptest.NewRecorder(), r, maxCreateBody, "CreateFunction", &req)
	if bad == nil || bad.Text != "Request must be smaller than 70167211 bytes for the CreateFunction operation" {
		t.Errorf("a request of %d bytes: %v", maxCreateBody+1, bad)
	}
}
