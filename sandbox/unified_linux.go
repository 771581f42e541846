package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// unified is cgroup version 2. Groups are made below the nearest group above
// this process in which they get the most controllers; nothing is switched on
// for others.
type unified struct {
	mark   string
	parent string
	have   []string // controllers, "freezer" included, which v2 always has
	guard  *guard
}

// newUnified returns nil where no group may be made.
func newUnified(mounts []mount, own map[string]string, m mark) *unified {
	for _, mt := range mounts {
		if !mt.unified {
			continue
		}
		if dir, ok := mt.at(own[""]); ok {
			h := bestParent(mt.dir, dir, m.forHost())
			if h != nil {
				h.guard = startGuard(h.mark, []string{h.parent})
			}
			return h
		}
	}
	return nil
}

// bestParent climbs from dir to top.
func bestParent(top, dir, mark string) *unified {
	var best *unified
	for ; ; dir = filepath.Dir(dir) {
		if h, ok := tryUnified(dir, mark); ok && (best == nil || len(h.have) > len(best.have)) {
			best = h
		}
		if dir == top || dir == "/" {
			return best
		}
	}
}

// tryUnified makes and removes a group. A process may be put into a group by
// whoever may write cgroup.procs of the nearest group above both.
func tryUnified(parent, mark string) (*unified, bool) {
	if unix.Access(filepath.Join(parent, "cgroup.procs"), unix.W_OK) != nil {
		return nil, false
	}
	probe := filepath.Join(parent, mark+"probe")
	if os.Mkdir(probe, 0o755) != nil {
		return nil, false
	}
	defer func() { _ = removeGroup(probe) }()
	h := &unified{mark: mark, parent: parent}
	for controller, file := range map[string]string{
		"memory": "memory.max", "cpu": "cpu.max", "pids": "pids.max", "freezer": "cgroup.freeze",
	} {
		if _, err := os.Stat(filepath.Join(probe, file)); err == nil {
			h.have = append(h.have, controller)
		}
	}
	return h, true
}

func (h *unified) has(controller string) bool { return slices.Contains(h.have, controller) }

func (h *unified) controllers() []string {
	var all []string
	for _, c := range controllers {
		if h.has(c) {
			all = append(all, c)
		}
	}
	return all
}

func (h *unified) String() string { return "cgroup v2: " + strings.Join(h.controllers(), ", ") }

func (h *unified) close() { h.guard.dismiss() }

func (h *unified) create(name string, memoryMB, maxProcesses int) (group, error) {
	g := &unifiedGroup{hierarchy: h, dir: filepath.Join(h.parent, h.mark+name)}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	if err := g.limit(memoryMB, maxProcesses); err != nil {
		_ = g.remove()
		return nil, err
	}
	return g, nil
}

// unifiedGroup is the group of one environment.
type unifiedGroup struct {
	hierarchy *unified
	dir       string
	peak      gauge
}

func (g *unifiedGroup) limit(memoryMB, maxProcesses int) error {
	if g.hierarchy.has("memory") && memoryMB > 0 {
		if err := put(g.dir, "memory.max", strconv.FormatInt(int64(max(memoryMB, minMemoryMB))<<20, 10)); err != nil {
			return err
		}
		// Lambda has no swap. The file is there only where swap is counted.
		if err := put(g.dir, "memory.swap.max", "0"); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if g.hierarchy.has("cpu") {
		if err := put(g.dir, "cpu.weight", strconv.Itoa(cpuWeight)); err != nil {
			return err
		}
	}
	if g.hierarchy.has("pids") {
		return put(g.dir, "pids.max", strconv.Itoa(maxProcesses))
	}
	return nil
}

// enter lets the kernel put the new process into the group as it is cloned
// (CLONE_INTO_CGROUP, Linux 5.7).
func (g *unifiedGroup) enter(attr *syscall.SysProcAttr) (func(), error) {
	fd, err := unix.Open(g.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("enter cgroup: %w", err)
	}
	attr.UseCgroupFD, attr.CgroupFD = true, fd
	return func() { _ = unix.Close(fd) }, nil
}

func (g *unifiedGroup) setCPU(vcpus float64) error {
	if !g.hierarchy.has("cpu") {
		return nil
	}
	quota := "max"
	if vcpus > 0 {
		quota = strconv.FormatInt(cpuQuota(vcpus), 10)
	}
	return put(g.dir, "cpu.max", quota+" "+strconv.Itoa(cpuPeriod))
}

func (g *unifiedGroup) canFreeze() bool { return g.hierarchy.has("freezer") }

func (g *unifiedGroup) freeze() error {
	if err := put(g.dir, "cgroup.freeze", "1"); err != nil {
		return err
	}
	return awaitFrozen(g.dir, func() bool { return counter(g.dir, "cgroup.events", "frozen") == 1 })
}

func (g *unifiedGroup) thaw() error { return put(g.dir, "cgroup.freeze", "0") }

// kill uses the kernel's own kill of a whole group (Linux 5.14), which also
// reaches frozen processes and those that are being forked.
func (g *unifiedGroup) kill() {
	if put(g.dir, "cgroup.kill", "1") != nil {
		killMembers(g.dir)
	}
}

func (g *unifiedGroup) drain() error { return drainGroup(g.dir, g.kill) }

// peakMemory needs Linux 5.19.
func (g *unifiedGroup) peakMemory() (int64, bool) {
	return g.peak.number(g.dir, "memory.peak")
}

func (g *unifiedGroup) outOfMemory() bool { return counter(g.dir, "memory.events", "oom_kill") > 0 }

// path is below where runc and crun take cgroup v2 to be mounted.
func (g *unifiedGroup) path() string { return strings.TrimPrefix(g.dir, "/sys/fs/cgroup") }

func (g *unifiedGroup) remove() error {
	g.peak.close()
	return removeGroup(g.dir)
}
