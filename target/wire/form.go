package wire

import (
	"bytes"
	"net/http"
)

// Form is what net/http sends over HTTP/1.1 for r.
func Form(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(2048 + int(max(0, r.ContentLength)))
	err := r.Write(&b)
	return b.Bytes(), err
}
