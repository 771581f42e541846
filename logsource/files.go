package logsource

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var _ Source = (*Files)(nil)

// Files reads log files: plain or compressed with gzip or zstd, whole folders
// with all below them, "-" for standard input. In the layout of an S3 export
// (exportId/stream-name/000000.gz) the path names the log stream. What can't
// be read is told at the end, by a *PartialError; all the rest is read.
type Files struct {
	paths []string
	stdin io.Reader
	// MaxEvent bounds an event in bytes; a longer one is passed over and told.
	// NewFiles sets it to DefaultMaxEvent.
	MaxEvent int
}

// DefaultMaxEvent is twice what CloudWatch Logs takes for one event.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const DefaultMaxEvent = 2 << 20

// NewFiles reads paths in their order, and a folder in the order of names.
// stdin is what "-" stands for.
func NewFiles(stdin io.Reader, paths ...string) *Files {
	return &Files{paths: paths, stdin: stdin, MaxEvent: DefaultMaxEvent}
}

// PartialError says what of the input could not be read; everything else was.
type PartialError struct {
	Faults []error // the first of them, each naming its file
	N      int     // how many
}

// maxFaults is how many faults a PartialError holds.
const maxFaults = 100

// Error joins the faults, one on each line.
func (e *PartialError) Error() string {
	text := errors.Join(e.Faults...).Error()
	if more := e.N - len(e.Faults); more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return text
}

// Unwrap gives the faults.
func (e *PartialError) Unwrap() []error { return e.Faults }

func (e *PartialError) add(err error) {
	if e.N++; len(e.Faults) < maxFaults {
		e.Faults = append(e.Faults, err)
	}
}

// orNil is e as an error, nil where it has no faults.
func (e *PartialError) orNil() error {
	if e.N == 0 {
		return nil
	}
	return e
}

// File is one open file of Files, decompressed.
type File struct {
	Name      string // its path, or "-"
	LogStream string // where the path names it, else ""
	io.Reader
}

// All opens one file after the other. An error stands in place of a file that
// can't be opened or is empty, or of a folder that can't be listed; the next
// step goes on behind it. A File is closed with the step after it. What goes
// wrong while a File is read is told by its Read.
func (f *Files) All(ctx context.Context) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		for _, path := range f.paths {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !f.path(ctx, path, yield) {
				return
			}
		}
	}
}

// path yields a file, or those below a folder; false ends the sequence.
func (f *Files) path(ctx context.Context, path string, yield func(*File, error) bool) bool {
	if path == "-" {
		return hand(&File{Name: "-", Reader: f.stdin}, nil, yield)
	}
	st, err := os.Stat(path)
	if err != nil {
		return yield(nil, readFault(err))
	}
	if !st.IsDir() {
		return open(path, true, yield)
	}
	goOn, files := true, 0
	_ = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			_ = yield(nil, ctx.Err())
			goOn = false
		case err != nil:
			files++ // its fault is told: the folder is not just empty
			goOn = yield(nil, readFault(err))
		case readable(name, d):
			files++
			goOn = open(name, false, yield)
		}
		if !goOn {
			return fs.SkipAll
		}
		return nil
	})
	if goOn && files == 0 {
		return yield(nil, fmt.Errorf("read logs: %s: the folder holds no file", path))
	}
	return goOn
}

// exportProbe is an object that CloudWatch Logs leaves beside an export.
const exportProbe = "aws-logs-write-test"

// readable picks the regular files of a folder, and links to such: a pipe or
// a device in it would be waited for without end.
func readable(name string, d fs.DirEntry) bool {
	if d.IsDir() || d.Name() == exportProbe {
		return false
	}
	if d.Type()&fs.ModeSymlink != 0 {
		st, err := os.Stat(name)
		return err != nil || st.Mode().IsRegular() // a dangling link is told when it is opened
	}
	return d.Type().IsRegular()
}

// open yields one file. Within a folder, an empty one is nothing to tell.
func open(name string, tellEmpty bool, yield func(*File, error) bool) bool {
	f, err := os.Open(name)
	if err != nil {
		return yield(nil, readFault(err))
	}
	defer func() { _ = f.Close() }()
	var empty error
	if tellEmpty {
		empty = fmt.Errorf("read logs: %s: the file is empty", name)
	}
	return hand(&File{Name: name, LogStream: streamOfPath(name), Reader: f}, empty, yield)
}

// hand decompresses a file, if it is, and yields it.
func hand(f *File, empty error, yield func(*File, error) bool) bool {
	buffered := bufio.NewReaderSize(f.Reader, 64<<10)
	magic, err := buffered.Peek(4)
	switch {
	case len(magic) == 0 && errors.Is(err, io.EOF):
		if empty != nil {
			return yield(nil, empty)
		}
		return true
	case len(magic) == 0:
		return yield(nil, readFault(err))
	}
	f.Reader = &naming{name: f.Name, r: buffered}
	switch {
	case string(magic[:min(2, len(magic))]) == "\x1f\x8b":
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return yield(nil, fmt.Errorf("read logs: %s: %w", f.Name, spell(err)))
		}
		f.Reader = &naming{name: f.Name, r: z}
	case string(magic) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(32<<20))
		if err != nil {
			return yield(nil, fmt.Errorf("read logs: %s: %w", f.Name, spell(err)))
		}
		defer z.Close()
		f.Reader = &naming{name: f.Name, r: z}
	}
	return yield(f, nil)
}

// naming puts the file's name before every error.
type naming struct {
	name string
	r    io.Reader
}

// Read reads on.
func (n *naming) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return k, err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return k, readFault(err)
	}
	return k, fmt.Errorf("read logs: %s: %w", n.name, spell(err))
}

func readFault(err error) error { return fmt.Errorf("read logs: %w", err) }

// spell says what an unexpected end means.
func spell(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the compressed data is cut off: %w", err)
	}
	return err
}
