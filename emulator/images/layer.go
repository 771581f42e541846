package images

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits bound what an image may become. A zero field means its default.
type Limits struct {
	// MaxBytes bounds the uncompressed size of all layers. 0 means 10 GiB, as
	// Lambda allows. Source: AWS Lambda quotas, "Container image code package
	// size: 10 GB (maximum uncompressed image size, including all layers)".
	MaxBytes int64
	// MaxFiles bounds the entries of all layers; 0 means 1,000,000.
	MaxFiles int64
	// MaxRatio bounds uncompressed to compressed bytes of a layer of more than
	// 256 MiB; 0 means 500. What gzip can do at most is about 1,030.
	MaxRatio int64
}

// ratioFrom is the size from which compression ratios are looked at: smaller
// layers can't hurt, and may well be a file of zeros.
const ratioFrom = 256 << 20

func (l Limits) orDefaults() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = 10 << 30
	}
	if l.MaxFiles == 0 {
		l.MaxFiles = 1_000_000
	}
	if l.MaxRatio == 0 {
		l.MaxRatio = 500
	}
	return l
}

// budget is what is left of the limits for one image, whose layers may be
// unpacked at the same time.
type budget struct {
	limits       Limits
	ratioFrom    int64        // the size from which a layer's ratio is looked at
	bytes, files atomic.Int64 // of the archives, spent
	disk         atomic.Int64 // written: more than bytes where files have holes
}

func newBudget(l Limits) *budget { return &budget{limits: l.orDefaults(), ratioFrom: ratioFrom} }

func (b *budget) spend(bytes, files int64) *Error {
	switch {
	case b.bytes.Add(bytes) > b.limits.MaxBytes:
		return b.tooManyBytes()
	case b.files.Add(files) > b.limits.MaxFiles:
		return &Error{Kind: TooLarge, Reason: fmt.Sprintf("the image has more than %d files", b.limits.MaxFiles)}
	}
	return nil
}

func (b *budget) tooManyBytes() *Error {
	return &Error{Kind: TooLarge, Reason: fmt.Sprintf("the image is larger than %d bytes uncompressed", b.limits.MaxBytes)}
}

// contents is what a layer holds beside its files, kept with them.
type contents struct {
	Bytes     int64    `json:"bytes"`   // of the uncompressed archive
	Files     int64    `json:"files"`   // entries of it
	Skipped   int64    `json:"skipped"` // device nodes, pipes, sockets
	Whiteouts []string `json:"whiteouts,omitempty"`
	Opaque    []string `json:"opaque,omitempty"` // folders that hide what lower layers have in them
}

// counter counts and hashes what passes through.
type counter struct {
	r   io.Reader
	n   int64
	sum hash.Hash
}

func newCounter(r io.Reader) *counter { return &counter{r: r, sum: sha256.New()} }

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	return n, err
}

func (c *counter) digest() string { return "sha256:" + hex.EncodeToString(c.sum.Sum(nil)) }

// meter lets uncompressed bytes pass as long as the limits allow.
type meter struct {
	*counter
	packed *counter
	budget *budget
}

func (m *meter) Read(p []byte) (int, error) {
	before := m.n
	n, err := m.counter.Read(p)
	if e := m.budget.spend(m.n-before, 0); e != nil {
		return 0, e
	}
	if ratio := m.budget.limits.MaxRatio; m.n > m.budget.ratioFrom && m.n/ratio > m.packed.n {
		return 0, &Error{Kind: TooLarge, Reason: fmt.Sprintf("it unpacks to more than %d times its size, as a bomb does", ratio)}
	}
	return n, err
}

// decompressed opens what is packed by its first bytes: gzip, zstd or a plain
// archive.
func decompressed(packed io.Reader) (io.ReadCloser, error) {
	r := bufio.NewReaderSize(packed, 64<<10)
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, &Error{Kind: Corrupt, Reason: "not gzip after all: " + err.Error()}
		}
		return z, nil
	case len(head) == 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, &Error{Kind: Corrupt, Reason: "not zstd after all: " + err.Error()}
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// expected are the digests that a layer must have; "" is not looked at.
type expected struct{ packed, unpacked string }

// unpack writes a layer into an empty folder, and reads it to its end even
// where the archive ends before, because the digests are of all of it. The
// error is an *Error where the layer is to blame.
func unpack(packed io.Reader, dir string, want expected, b *budget) (contents, error) {
	in := newCounter(packed)
	plain, err := decompressed(in)
	if err != nil {
		return contents{}, asError(err)
	}
	defer func() { _ = plain.Close() }()
	m := &meter{counter: newCounter(plain), packed: in, budget: b}
	w, err := newTree(dir, b)
	if err != nil {
		return contents{}, err
	}
	defer func() { _ = w.root.Close() }()
	if err := w.extract(tar.NewReader(m)); err != nil {
		return contents{}, asError(err)
	}
	if _, err := io.Copy(io.Discard, m); err != nil {
		return contents{}, asError(err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return contents{}, asError(err)
	}
	w.found.Bytes = m.n
	if got := in.digest(); want.packed != "" && got != want.packed {
		return contents{}, &Error{Kind: Corrupt, Reason: "its digest is " + got}
	}
	if got := m.digest(); want.unpacked != "" && got != want.unpacked {
		return contents{}, &Error{Kind: Corrupt, Reason: "the digest of its contents is " + got + ", not " + want.unpacked}
	}
	return w.found, nil
}

// asError makes an *Error of what readers of archives say; faults of this
// machine stay as they are.
func asError(err error) error {
	var refused *Error
	var machine *fault
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &machine):
		return machine.err
	}
	return &Error{Kind: Corrupt, Reason: "cut off, or not a layer: " + err.Error()}
}

// fault marks an error of this machine, as against one of the archive.
type fault struct{ err error }

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func onDisk(err error) error {
	if err == nil {
		return nil
	}
	return &fault{err}
}
