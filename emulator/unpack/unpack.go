package unpack

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// DefaultMaxBytes is Lambda's limit for the unzipped code, layers included.
// Source: AWS Lambda quotas, "Deployment package (.zip file archive) size:
// 250 MB (the maximum size of the contents of a deployment package, including
// layers and custom runtimes, unzipped)"; 262144000 is the number in the
// service's own error message.
const DefaultMaxBytes = 262_144_000

// DefaultMaxEntries bounds the entries of an archive. Lambda documents no such
// limit; the largest node_modules that fit into 250 MB have some 50,000 files.
const DefaultMaxEntries = 200_000

// Limits bound what an archive may become. The zero value means Lambda's own.
type Limits struct {
	// MaxBytes bounds the sum of all files' contents; 0 means DefaultMaxBytes.
	MaxBytes int64
	// MaxEntries bounds files, folders and links; 0 means DefaultMaxEntries.
	MaxEntries int
}

func (l Limits) orDefaults() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxEntries == 0 {
		l.MaxEntries = DefaultMaxEntries
	}
	return l
}

// Kind is why an archive was refused.
type Kind string

// The kinds of refusal.
const (
	Corrupt     Kind = "corrupt"     // not a zip archive, cut off, or contents that fail their checksum
	Unsafe      Kind = "unsafe"      // an entry that would leave the folder, or is no file, folder or link
	TooLarge    Kind = "too large"   // more bytes or entries than the limits
	Unsupported Kind = "unsupported" // encrypted, or a compression that zip readers here do not know
)

// Error is a refusal of the archive itself, as against a fault of this machine
// (a full disk), which is returned as it came.
type Error struct {
	Kind   Kind
	Entry  string // name of the entry, as the archive spells it; empty for the archive as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Entry == "" {
		return "unpack zip: " + e.Reason
	}
	return fmt.Sprintf("unpack zip: entry %q: %s", e.Entry, e.Reason)
}

// LambdaType is the exception that CreateFunction answers with for such an
// archive. The service reports every fault of an archive as an invalid
// parameter.
func (e *Error) LambdaType() string { return "InvalidParameterValueException" }

// LambdaMessage is the service's wording where it is known, else the text of
// the error. "Could not unzip uploaded file..." and "Unzipped size must be
// smaller than 262144000 bytes" are what CreateFunction answers for a corrupt
// and for an oversized archive.
func (e *Error) LambdaMessage() string {
	switch {
	case e.Kind == Corrupt && e.Entry == "":
		return "Could not unzip uploaded file. Please check your file, then try to upload again."
	case e.Kind == TooLarge:
		return "Unzipped size must be smaller than 262144000 bytes"
	}
	return e.Error()
}

// Zip extracts the archive of the given size into dir, which it makes and
// which should be empty. It gives the bytes of all files' contents. The error
// is an *Error where the archive is to blame; dir may then hold what was
// written before, which the caller removes.
func Zip(r io.ReaderAt, size int64, dir string, l Limits) (int64, error) {
	return extract(r, size, dir, l.orDefaults())
}

// extract is Zip with limits that are meant as they stand.
func extract(r io.ReaderAt, size int64, dir string, l Limits) (int64, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return 0, &Error{Kind: Corrupt, Reason: "not a zip archive, or cut off: " + err.Error()}
	}
	p, err := newPlan(archive.File, l)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("unpack zip: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("unpack zip: %w", err)
	}
	defer func() { _ = root.Close() }()
	w := &writer{root: root, left: l.MaxBytes, max: l.MaxBytes}
	err = w.extract(p)
	return l.MaxBytes - w.left, err
}

// writer puts planned entries under root.
type writer struct {
	root *os.Root
	left int64 // bytes that may still be written
	max  int64
}

func (w *writer) extract(p *plan) error {
	for _, dir := range p.folders {
		if err := w.root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("unpack zip: %w", err)
		}
	}
	for _, e := range p.files {
		if err := w.file(e); err != nil {
			return err
		}
	}
	for _, e := range p.links {
		if err := w.folder(e.path); err != nil {
			return err
		}
		if err := w.root.Symlink(e.target, e.path); err != nil {
			return fmt.Errorf("unpack zip: entry %q: %w", e.file.Name, err)
		}
	}
	return nil
}

// folder makes the folder that holds name.
func (w *writer) folder(name string) error {
	if dir := path.Dir(name); dir != "." {
		if err := w.root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("unpack zip: %w", err)
		}
	}
	return nil
}

func (w *writer) file(e entry) (err error) {
	if err := w.folder(e.path); err != nil {
		return err
	}
	content, err := e.file.Open()
	if err != nil {
		return &Error{Kind: Unsupported, Entry: e.file.Name, Reason: err.Error()}
	}
	defer func() { _ = content.Close() }()
	// O_EXCL: the plan has no path twice, so a file that is there already
	// belongs to somebody else.
	out, err := w.root.OpenFile(e.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions(e.file.Mode()))
	if err != nil {
		return fmt.Errorf("unpack zip: entry %q: %w", e.file.Name, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return w.copy(out, content, e)
}

// copy writes the contents, one byte more than allowed at most: what an entry
// claims of its size is not believed.
func (w *writer) copy(out io.Writer, content io.Reader, e entry) error {
	tracked := &readErrors{r: content}
	n, err := io.Copy(out, io.LimitReader(tracked, w.left+1))
	if n > w.left {
		return tooManyBytes(e.file.Name, w.max)
	}
	w.left -= n
	if tracked.err != nil {
		return &Error{Kind: Corrupt, Entry: e.file.Name, Reason: "its contents cannot be read: " + tracked.err.Error()}
	}
	if err != nil {
		return fmt.Errorf("unpack zip: entry %q: %w", e.file.Name, err)
	}
	return nil
}

// readErrors tells a broken archive from a full disk.
type readErrors struct {
	r   io.Reader
	err error
}

func (r *readErrors) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

func tooManyBytes(name string, limit int64) error {
	return &Error{Kind: TooLarge, Entry: name, Reason: fmt.Sprintf("the contents exceed %d bytes unzipped", limit)}
}

// permissions keeps rwx bits and makes the file readable and writable for its
// owner, who has to run and to remove it. An archive made where there are no
// such bits (zip.FileHeader without Unix mode) yields plain 0644.
func permissions(mode fs.FileMode) fs.FileMode {
	return mode.Perm() | 0o600
}
