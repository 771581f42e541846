package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Bounds of one frame. Writers make frames of at most a buffer (8 MiB of
// lines); the reader takes four times that, so that its memory is bounded
// whatever the file says.
const (
	maxFrameContent = 32 << 20
	maxFrameBytes   = 33 << 20 // compressed; zstd adds little to what does not shrink
)

// frameReader yields the content of a file of zstd frames, frame by frame. A
// frame is only delivered when its checksum holds. Where one is damaged it
// looks for the next sound one; where the file ends inside the last frame it
// delivers the blocks that are complete.
type frameReader struct {
	r    io.ReaderAt
	size int64
	off  int64

	dec *zstd.Decoder
	raw []byte // of the current frame
	out []byte // its content

	damage    int64 // bytes skipped because they belong to no sound frame
	damageAt  int64 // offset of the first of them
	truncated bool  // the file ends inside a frame
}

func newFrameReader(r io.ReaderAt, size int64) (*frameReader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrameContent), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &frameReader{r: r, size: size, dec: dec}, nil
}

func (f *frameReader) close() { f.dec.Close() }

// errDamaged is any reason for which bytes are no sound frame.
var errDamaged = errors.New("not a sound frame")

// next returns the content of the next frame, valid until the call after, and
// whether the frames before it joined up with it. After the last it returns
// io.EOF; other errors are of the disk.
func (f *frameReader) next() (content []byte, joined bool, err error) {
	joined = true
	for f.off < f.size {
		content, n, err := f.sound(f.off)
		if err == nil {
			f.off += n
			if len(content) > 0 {
				return content, joined, nil
			}
			continue // skippable or empty
		}
		if !errors.Is(err, errDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, false, err
		}
		next, err2 := f.search(f.off + 1)
		if err2 != nil {
			return nil, false, err2
		}
		if next == f.size && errors.Is(err, io.ErrUnexpectedEOF) {
			return f.tail(joined)
		}
		joined = false
		if f.damage == 0 {
			f.damageAt = f.off
		}
		f.damage += next - f.off
		f.off = next
	}
	return nil, joined, io.EOF
}

// sound reads and decodes the frame at off and returns its length in the file.
// io.ErrUnexpectedEOF means that the file ends inside it.
func (f *frameReader) sound(off int64) (content []byte, n int64, err error) {
	n, skippable, err := f.measure(off)
	if err != nil || skippable {
		return nil, n, err
	}
	if f.raw, err = readRange(f.r, f.raw, off, n); err != nil {
		return nil, 0, err
	}
	f.out, err = f.dec.DecodeAll(f.raw, f.out[:0])
	if err != nil {
		return nil, 0, errDamaged
	}
	return f.out, n, nil
}

// measure walks the block headers of the frame at off (RFC 8878, section 3.1)
// and returns the frame's length.
func (f *frameReader) measure(off int64) (n int64, skippable bool, err error) {
	var head [zstd.HeaderMaxSize]byte
	got, err := readAt(f.r, head[:min(int64(len(head)), f.size-off)], off)
	if err != nil {
		return 0, false, err
	}
	var h zstd.Header
	if err := h.Decode(head[:got]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, false, io.ErrUnexpectedEOF
		}
		return 0, false, errDamaged
	}
	n = int64(h.HeaderSize)
	if h.Skippable {
		n += int64(h.SkippableSize)
		return n, true, f.within(off, n)
	}
	for last := false; !last; {
		var b [3]byte
		if err := f.within(off, n+3); err != nil {
			return 0, false, err
		}
		if _, err := readAt(f.r, b[:], off+n); err != nil {
			return 0, false, err
		}
		v := int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16
		last = v&1 != 0
		switch v >> 1 & 3 {
		case 0, 2: // raw, compressed
			n += 3 + v>>3
		case 1: // one byte repeated
			n += 3 + 1
		default:
			return 0, false, errDamaged
		}
	}
	if h.HasCheckSum {
		n += 4
	}
	return n, false, f.within(off, n)
}

func (f *frameReader) within(off, n int64) error {
	switch {
	case n > maxFrameBytes:
		return errDamaged
	case off+n > f.size:
		return io.ErrUnexpectedEOF
	}
	return nil
}

var frameMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// search returns the offset of the first sound frame at or after off, or the
// size of the file.
func (f *frameReader) search(off int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for off < f.size {
		n, err := readAt(f.r, buf[:min(int64(len(buf)), f.size-off)], off)
		if err != nil {
			return 0, err
		}
		i := bytes.Index(buf[:n], frameMagic)
		if i < 0 {
			// The magic may lie across the end of buf.
			off += int64(max(n-len(frameMagic)+1, 1))
			continue
		}
		off += int64(i)
		_, _, err = f.sound(off)
		switch {
		case err == nil:
			return off, nil
		case errors.Is(err, errDamaged), errors.Is(err, io.ErrUnexpectedEOF):
			off++
		default:
			return 0, err
		}
	}
	return f.size, nil
}

// tail delivers what can be decoded of a frame in which the file ends.
func (f *frameReader) tail(joined bool) ([]byte, bool, error) {
	f.truncated = true
	rest := io.NewSectionReader(f.r, f.off, f.size-f.off)
	f.off = f.size
	f.out = f.out[:0]
	if err := f.dec.Reset(rest); err != nil {
		return nil, false, io.EOF
	}
	// A read error is the truncation itself, or the disk's, of which the next
	// reader of the file will hear as well.
	buf := bytes.NewBuffer(f.out)
	_, _ = io.Copy(buf, io.LimitReader(f.dec, maxFrameContent))
	if f.out = buf.Bytes(); len(f.out) == 0 {
		return nil, false, io.EOF
	}
	return f.out, joined, nil
}

// readRange reads n bytes at off into buf, which it grows.
func readRange(r io.ReaderAt, buf []byte, off, n int64) ([]byte, error) {
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	_, err := readAt(r, buf[:n], off)
	return buf[:n], err
}

// readAt fills p; a file that has become shorter meanwhile is truncated.
func readAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return n, nil
	case errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("read at byte %d: %w", off, err)
}
