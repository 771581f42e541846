//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// The first process of a pid namespace is special: the kernel gives it every
// orphan, ends all others with it, and keeps from it the signals that it has no
// handler for. A function must not be it, or process.kill(process.pid) would do
// nothing. So an environment has a first process of ours, which mounts /proc,
// says so, and sleeps.
//
// Note: a copy of this program would do, but it takes milliseconds to come up
// and megabytes of the function's memory, which Max Memory Used would show. So
// it is 200 bytes of machine code that Go's assembler makes of init_linux_*.s,
// with the smallest ELF header before it.

// initProgram is never called, only copied.
func initProgram() //nolint:unused // by initCode, in assembly language

// initCode copies the code of initProgram, and some more that is never executed.
//
//go:noescape
func initCode(code *[320]byte)

// initImage is the executable file of the first process.
func initImage() []byte {
	const (
		headers = 64 + 56 // ELF header, one program header
		base    = 0x400000
		align   = 0x10000 // pages of arm64 have up to 64 KiB
	)
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	var code [320]byte
	initCode(&code)
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0} // 64 bit, little-endian
	le := binary.LittleEndian
	b = le.AppendUint16(b, 2) // ET_EXEC
	b = le.AppendUint16(b, machine)
	b = le.AppendUint32(b, 1)            // version
	b = le.AppendUint64(b, base+headers) // entry
	b = le.AppendUint64(b, 64)           // offset of the program headers
	b = le.AppendUint64(b, 0)            // no sections
	b = le.AppendUint32(b, 0)            // flags
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} {
		b = le.AppendUint16(b, v) // sizes and counts of the headers
	}
	b = le.AppendUint32(b, 1) // PT_LOAD
	b = le.AppendUint32(b, 5) // readable, executable
	for _, v := range []uint64{0, base, base, headers + uint64(len(code)), headers + uint64(len(code)), align} {
		b = le.AppendUint64(b, v) // offset, addresses, sizes, alignment
	}
	return append(b, code[:]...)
}

// initPath is the file of the first process in every view. The new /proc
// covers it.
const initPath = "/proc/init"

// firstProcess is the first process of a pid namespace.
type firstProcess struct {
	pid   int
	pidfd int
}

// startFirst forks the first process into new pid, ipc and uts namespaces and
// returns when it has mounted /proc. It runs on the starting thread, inside the
// view and the group.
func startFirst(sys syscall.SysProcAttr) (*firstProcess, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	defer func() { _ = unix.Close(pipe[0]) }()
	p := &firstProcess{}
	sys.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	sys.PidFD = &p.pidfd
	closeOnExec()
	var err error
	p.pid, err = syscall.ForkExec(initPath, []string{"coldbench-init"}, &syscall.ProcAttr{
		Dir: "/", Files: []uintptr{uintptr(pipe[1]), uintptr(pipe[1])}, Sys: &sys,
	})
	_ = unix.Close(pipe[1])
	if err != nil {
		return nil, fmt.Errorf("start the first process of a pid namespace: %w", err)
	}
	if err := awaitFirst(pipe[0]); err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// awaitFirst reads the result of the mount: 0 or a negative error number.
func awaitFirst(fd int) error {
	var result [8]byte
	for {
		n, err := unix.Read(fd, result[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("wait for the first process of a pid namespace: %w", err)
		case n != len(result):
			return fmt.Errorf("the first process of a pid namespace ended at once: %w", os.ErrProcessDone)
		}
		if code := int64(binary.LittleEndian.Uint64(result[:])); code != 0 {
			return fmt.Errorf("mount a /proc of its own: %w", syscall.Errno(-code))
		}
		return nil
	}
}

// join moves the calling thread into the namespaces of the first process; what
// it forks next is born there.
func (p *firstProcess) join() error {
	return unix.Setns(p.pidfd, unix.CLONE_NEWNS|unix.CLONE_NEWPID|unix.CLONE_NEWIPC|unix.CLONE_NEWUTS)
}

// kill ends every process of the namespace.
func (p *firstProcess) kill() { _ = unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, 0) }

// end kills and reaps the first process, which the kernel ends last: whoever
// has started others in the namespace must have reaped them.
func (p *firstProcess) end() {
	p.kill()
	waitExit(p.pid)
	reap(p.pid)
	_ = unix.Close(p.pidfd)
}
