//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// disks are the /tmp of environments that have a size: each an ext4 of its own
// in a file without a name, through a loop device. A write beyond the size gets
// ENOSPC, and what is written is not the function's memory, as on Lambda. See
// docs/decisions/0006.
//
// A disk is mounted nowhere that another process could see. It is held by a
// file descriptor; when that and the last environment with it are gone, however
// they ended, the kernel unmounts it, lets go of the device (LO_FLAGS_AUTOCLEAR)
// and frees the file.
type disks struct {
	mu    sync.Mutex
	blank map[int][]segment // by size in MB
	open  map[string]*disk  // by Spec.Tmp
}

// disk is one file system.
type disk struct {
	device string // /dev/loopN
	held   int    // a mount of it: keeps it between two processes of an environment
}

// segment is what a blank disk holds at an offset; the rest is zeros.
type segment struct {
	at   int64
	data []byte
}

// usualDisk is the size of Lambda's /tmp where nothing is said, in MB.
const usualDisk = 512

// usualBlank tries everything once for all Hosts of this program.
var usualBlank = sync.OnceValues(func() ([]segment, error) { return newBlank(usualDisk, os.TempDir()) })

// newDisks says what is missing here.
func newDisks() (*disks, error) {
	blank, err := usualBlank()
	if err != nil {
		return nil, err
	}
	return &disks{blank: map[int][]segment{usualDisk: blank}, open: make(map[string]*disk)}, nil
}

// of is the disk that serves as tmp, or nil.
func (d *disks) of(tmp string) *disk {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open[tmp]
}

// make makes the disk that serves as tmp, unless there is one.
func (d *disks) make(tmp string, mb int) error {
	if d.of(tmp) != nil {
		return nil
	}
	blank, err := d.template(mb, filepath.Dir(tmp))
	if err != nil {
		return err
	}
	file, err := unnamed(filepath.Dir(tmp), mb)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for _, s := range blank {
		if _, err := file.WriteAt(s.data, s.at); err != nil {
			return fmt.Errorf("write a disk: %w", err)
		}
	}
	made, err := attachDisk(file)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[tmp] != nil {
		made.close()
		return nil
	}
	d.open[tmp] = made
	return nil
}

func (d *disks) remove(tmp string) {
	d.mu.Lock()
	made := d.open[tmp]
	delete(d.open, tmp)
	d.mu.Unlock()
	if made != nil {
		made.close()
	}
}

func (d *disks) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for tmp, made := range d.open {
		made.close()
		delete(d.open, tmp)
	}
}

// template gives the content of a blank disk.
func (d *disks) template(mb int, dir string) (s []segment, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s = d.blank[mb]; s == nil {
		if s, err = newBlank(mb, dir); err == nil {
			d.blank[mb] = s
		}
	}
	return s, err
}

// newBlank makes a disk and reads what is on it: a copy of that takes a fraction
// of what mkfs takes.
func newBlank(mb int, dir string) ([]segment, error) {
	if _, err := os.Stat(loopControl); err != nil {
		return nil, err // without a try of mkfs
	}
	file, err := unnamed(dir, mb)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if err := format(file); err != nil {
		return nil, err
	}
	made, err := attachDisk(file)
	if err != nil {
		return nil, err
	}
	err = errors.Join(unix.Unlinkat(made.held, "lost+found", unix.AT_REMOVEDIR), unix.Fchmodat(made.held, ".", 0o700, 0))
	made.close()
	if err != nil {
		return nil, fmt.Errorf("clear a new disk: %w", err)
	}
	s, err := segments(file)
	if err != nil {
		return nil, fmt.Errorf("read a new disk: %w", err)
	}
	return s, nil
}

// unnamed makes a file of that size that takes no room and has no name.
func unnamed(dir string, mb int) (*os.File, error) {
	file, err := os.CreateTemp(dir, "disk-")
	if err != nil {
		return nil, fmt.Errorf("make the file of a disk: %w", err)
	}
	if err := errors.Join(os.Remove(file.Name()), file.Truncate(int64(mb)<<20)); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("make the file of a disk: %w", err)
	}
	return file, nil
}

// format makes an empty ext4. Without a journal, for nothing survives a crash
// of the machine; with inode tables that are zero already.
func format(file *os.File) error {
	mkfs := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode",
		"-E", "lazy_itable_init=1,nodiscard,packed_meta_blocks=1,root_owner=0:0", "/proc/self/fd/3")
	mkfs.ExtraFiles = []*os.File{file}
	text, err := mkfs.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("mkfs.ext4 of e2fsprogs is not installed")
	}
	if err != nil {
		return fmt.Errorf("mkfs.ext4: %w %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// segments are the parts of the file that have been written.
func segments(file *os.File) ([]segment, error) {
	var all []segment
	var end int64
	for {
		begin, err := file.Seek(end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if end, err = file.Seek(begin, unix.SEEK_HOLE); err != nil {
			return nil, err
		}
		data := make([]byte, end-begin)
		if _, err := file.ReadAt(data, begin); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		all = append(all, segment{at: begin, data: data})
	}
}

// attachDisk gives the file a loop device and mounts that.
func attachDisk(file *os.File) (*disk, error) {
	loop, err := attachLoop(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = loop.Close() }() // the mount keeps the device in use
	d := &disk{device: loop.Name()}
	d.held, err = d.mount()
	return d, err
}

const loopControl = "/dev/loop-control"

// attaching is held while a free device is looked for and taken, so that the many
// starts of a burst don't take it from each other.
var attaching sync.Mutex

// attachLoop takes the next free loop device. Another program may be quicker.
func attachLoop(file *os.File) (*os.File, error) {
	attaching.Lock()
	defer attaching.Unlock()
	control, err := os.OpenFile(loopControl, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = control.Close() }()
	const tries = 100
	for range tries {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		loop, err := os.OpenFile("/dev/loop"+strconv.Itoa(n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(loop.Fd()), &unix.LoopConfig{
			Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR},
		})
		if err == nil {
			return loop, nil
		}
		_ = loop.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("attach a loop device: %w", err)
		}
	}
	return nil, fmt.Errorf("attach a loop device: others were quicker %d times", tries)
}

// mount makes a mount of the disk that is mounted nowhere yet. All mounts of a
// device are one file system.
func (d *disk) mount() (int, error) {
	// Nothing is flushed to the machine's disk: what a function writes here need
	// not outlive it.
	return newMount("ext4", map[string]string{"source": d.device, "nobarrier": "", "noinit_itable": ""}, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
}

func (d *disk) close() { _ = unix.Close(d.held) }
