package record

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// disk is an io.Writer that can stall and be full.
type disk struct {
	mu    sync.Mutex
	data  []byte
	room  int           // bytes until it is full; negative is no bound
	stall chan struct{} // Write waits until it is closed; nil does not stall
}

func (d *disk) Write(p []byte) (int, error) {
	if d.stall != nil {
		<-d.stall
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room >= 0 && len(p) > d.room {
		n := d.room
		d.data = append(d.data, p[:n]...)
		d.room = 0
		return n, syscall.ENOSPC
	}
	if d.room >= 0 {
		d.room -= len(p)
	}
	d.data = append(d.data, p...)
	return len(p), nil
}

// lines decodes what is on the disk.
func (d *disk) lines(t *testing.T) []string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := newFrameReader(bytes.NewReader(d.data), int64(len(d.data)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	var all strings.Builder
	for {
		content, _, err := f.next()
		if err != nil {
			break
		}
		all.Write(content)
	}
	return strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")
}

func TestALineReachesTheDiskWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: -1}
		f, err := newFrameWriter(d, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			time.Sleep(333 * time.Millisecond)
			if err := f.line(fmt.Append(nil, "line ", i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := d.lines(t); len(got) != 5 || got[4] != "line 4" {
			t.Errorf("on disk: %q", got)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAStalledDiskBlocksAndLosesNothing: the buffers hold 64 bytes each, a
// line of 10 takes 11. The first flush takes what is there and stalls; then
// one more buffer of 5 lines fits, and the next line waits.
func TestAStalledDiskBlocksAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: -1, stall: make(chan struct{})}
		f, err := newFrameWriter(d, 64)
		if err != nil {
			t.Fatal(err)
		}
		accepted := 0
		go func() {
			for i := range 40 {
				if err := f.line(fmt.Appendf(nil, "line %5d", i)); err != nil {
					t.Error(err)
				}
				accepted++
			}
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if accepted != 10 {
			t.Errorf("%d lines accepted while the disk stalls, want 2 buffers of 5", accepted)
		}
		close(d.stall)
		synctest.Wait()
		if accepted != 40 {
			t.Errorf("%d lines accepted after the stall, want 40", accepted)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
		if got := d.lines(t); len(got) != 40 || got[39] != "line    39" {
			t.Errorf("%d lines on disk, the last %q", len(got), got[len(got)-1])
		}
	})
}

func TestAFullDiskIsOneErrorAndKeepsWhatWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 100}
		f, err := newFrameWriter(d, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		write := func(from, to int) (err error) {
			for i := from; i < to && err == nil; i++ {
				err = f.line(fmt.Appendf(nil, "line %d %x", i, i*7919))
			}
			time.Sleep(time.Second)
			return err
		}
		if err := write(0, 3); err != nil { // one frame of about 50 bytes
			t.Fatal(err)
		}
		if err := write(3, 20); err != nil { // does not fit, which the next call says
			t.Fatal(err)
		}
		first := write(20, 21)
		if !errors.Is(first, syscall.ENOSPC) {
			t.Fatalf("error %v, want that of the full disk", first)
		}
		if again := write(21, 22); !errors.Is(again, first) {
			t.Errorf("second error %v is another", again)
		}
		if err := f.close(); !errors.Is(err, first) {
			t.Errorf("close: %v", err)
		}
		got := d.lines(t)
		if len(got) < 3 || got[0] != "line 0 0" || !strings.HasPrefix(got[2], "line 2 ") {
			t.Errorf("on disk: %q", got)
		}
	})
}

func TestALineLongerThanABufferIsTaken(t *testing.T) {
	d := &disk{room: -1}
	f, err := newFrameWriter(d, 16)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1000)
	for _, s := range []string{"a", long, "b"} {
		if err := f.line([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.line(make([]byte, maxLine+1)); err == nil {
		t.Error("a line that no reader would take is taken")
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if got := d.lines(t); len(got) != 3 || got[1] != long {
		t.Errorf("on disk: %d lines", len(got))
	}
	if err := f.line([]byte("late")); !errors.Is(err, errClosed) {
		t.Errorf("line after close: %v", err)
	}
	if err := f.close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
