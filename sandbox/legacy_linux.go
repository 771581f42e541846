package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// legacy is cgroup version 1: one tree for each controller, and a group of
// ours in each of them, below the group of this process.
type legacy struct {
	mark  string
	trees []tree
	guard *guard
}

// tree is one controller that works.
type tree struct {
	controller string
	parent     string   // folder of our own group
	home       *os.File // its tasks file, open for the starting thread's way back
}

// needs are the files without which a controller is of no use here.
var needs = map[string]string{
	"memory": "memory.limit_in_bytes", "cpu": "cpu.cfs_quota_us", "pids": "pids.max", "freezer": "freezer.state",
}

// newLegacy tries each controller with a real group that the starting thread
// enters and leaves. Nil: none works, or version 1 is not mounted.
func newLegacy(mounts []mount, own map[string]string, m mark, on *spawner) *legacy {
	h := &legacy{mark: m.forHost()}
	for _, c := range controllers {
		for _, mt := range mounts {
			if mt.unified || !slices.Contains(mt.options, c) {
				continue
			}
			parent, ok := mt.at(own[c])
			if !ok {
				continue
			}
			if t, ok := tryTree(c, parent, h.mark+"probe", on); ok {
				h.trees = append(h.trees, t)
			}
			break
		}
	}
	if len(h.trees) == 0 {
		return nil
	}
	var parents []string
	for _, t := range h.trees {
		parents = append(parents, t.parent)
	}
	h.guard = startGuard(h.mark, parents)
	return h
}

func tryTree(controller, parent, name string, on *spawner) (tree, bool) {
	dir := filepath.Join(parent, name)
	if os.Mkdir(dir, 0o755) != nil {
		return tree{}, false
	}
	defer func() { _ = removeGroup(dir) }()
	home, err := os.OpenFile(filepath.Join(parent, "tasks"), os.O_WRONLY, 0)
	if err != nil {
		return tree{}, false
	}
	t := tree{controller: controller, parent: parent, home: home}
	_, err = os.Stat(filepath.Join(dir, needs[controller]))
	if err == nil {
		on.do(func() { err = errors.Join(put(dir, "tasks", "0"), t.goHome()) })
	}
	if err != nil {
		_ = home.Close()
		return tree{}, false
	}
	return t, true
}

// goHome moves the calling thread back. "0" is the thread that writes, which
// the kernel moves without its global lock.
func (t tree) goHome() error {
	_, err := t.home.WriteString("0")
	return err
}

func (h *legacy) controllers() []string {
	var all []string
	for _, t := range h.trees {
		all = append(all, t.controller)
	}
	return all
}

func (h *legacy) String() string { return "cgroup v1: " + strings.Join(h.controllers(), ", ") }

func (h *legacy) close() {
	h.guard.dismiss()
	for _, t := range h.trees {
		_ = t.home.Close()
	}
}

// create makes the directories. The CPU limit is set later, by setCPU.
func (h *legacy) create(name string, memoryMB, maxProcesses int) (group, error) {
	g := &legacyGroup{hierarchy: h, name: h.mark + name}
	for _, t := range h.trees {
		if err := os.Mkdir(filepath.Join(t.parent, g.name), 0o755); err != nil {
			return nil, errors.Join(err, g.remove())
		}
	}
	if err := g.limit(memoryMB, maxProcesses); err != nil {
		return nil, errors.Join(err, g.remove())
	}
	return g, nil
}

// legacyGroup is the group of one environment in all trees.
type legacyGroup struct {
	hierarchy *legacy
	name      string
	peak      gauge
}

// dir is the group's folder in the tree of a controller; "" where that does
// not work.
func (g *legacyGroup) dir(controller string) string {
	for _, t := range g.hierarchy.trees {
		if t.controller == controller {
			return filepath.Join(t.parent, g.name)
		}
	}
	return ""
}

func (g *legacyGroup) limit(memoryMB, maxProcesses int) error {
	if dir := g.dir("memory"); dir != "" && memoryMB > 0 {
		bytes := strconv.FormatInt(int64(max(memoryMB, minMemoryMB))<<20, 10)
		if err := put(dir, "memory.limit_in_bytes", bytes); err != nil {
			return err
		}
		// Lambda has no swap. The file is there only where swap is counted.
		if err := put(dir, "memory.memsw.limit_in_bytes", bytes); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if dir := g.dir("cpu"); dir != "" {
		if err := put(dir, "cpu.shares", strconv.Itoa(cpuWeight*1024/100)); err != nil {
			return err
		}
		if err := put(dir, "cpu.cfs_period_us", strconv.Itoa(cpuPeriod)); err != nil {
			return err
		}
	}
	if dir := g.dir("pids"); dir != "" {
		return put(dir, "pids.max", strconv.Itoa(maxProcesses))
	}
	return nil
}

// enter moves the calling thread, and it alone, into the group, so that what
// it forks is born there. Between enter and leave this program is a member of
// the group: no limit that would stop a thread may be in force yet.
func (g *legacyGroup) enter(*syscall.SysProcAttr) (func(), error) {
	var inside []tree
	leave := func() {
		for _, t := range inside {
			// It cannot fail: nothing limits the way to a parent, and the
			// way in and out was tried in newLegacy. If it did, remove
			// would say that the group is busy.
			_ = t.goHome()
		}
	}
	for _, t := range g.hierarchy.trees {
		if err := put(filepath.Join(t.parent, g.name), "tasks", "0"); err != nil {
			leave()
			return nil, fmt.Errorf("enter cgroup: %w", err)
		}
		inside = append(inside, t)
	}
	return leave, nil
}

func (g *legacyGroup) setCPU(vcpus float64) error {
	dir := g.dir("cpu")
	if dir == "" {
		return nil
	}
	quota := "-1"
	if vcpus > 0 {
		quota = strconv.FormatInt(cpuQuota(vcpus), 10)
	}
	return put(dir, "cpu.cfs_quota_us", quota)
}

func (g *legacyGroup) canFreeze() bool { return g.dir("freezer") != "" }

func (g *legacyGroup) freeze() error {
	dir := g.dir("freezer")
	return awaitFrozen(dir, func() bool {
		// A process that was forked meanwhile is frozen by writing again.
		_ = put(dir, "freezer.state", "FROZEN")
		state, err := os.ReadFile(filepath.Join(dir, "freezer.state"))
		return err != nil || strings.TrimSpace(string(state)) == "FROZEN"
	})
}

func (g *legacyGroup) thaw() error { return put(g.dir("freezer"), "freezer.state", "THAWED") }

// kill forbids new processes first, so that one pass reaches all of them, and
// thaws last: version 1 delivers no signal to a frozen process, not even
// SIGKILL.
func (g *legacyGroup) kill() {
	if dir := g.dir("pids"); dir != "" {
		_ = put(dir, "pids.max", "0")
	}
	killMembers(g.any())
	if g.canFreeze() {
		_ = g.thaw()
	}
}

func (g *legacyGroup) drain() error { return drainGroup(g.any(), g.kill) }

// any is one of the folders: all hold the same processes.
func (g *legacyGroup) any() string {
	return filepath.Join(g.hierarchy.trees[0].parent, g.name)
}

func (g *legacyGroup) peakMemory() (int64, bool) {
	dir := g.dir("memory")
	if dir == "" {
		return 0, false
	}
	return g.peak.number(dir, "memory.max_usage_in_bytes")
}

func (g *legacyGroup) outOfMemory() bool {
	dir := g.dir("memory")
	return dir != "" && counter(dir, "memory.oom_control", "oom_kill") > 0
}

// path is relative: to the group of this program, in each tree.
func (g *legacyGroup) path() string { return g.name }

func (g *legacyGroup) remove() error {
	g.peak.close()
	var errs []error
	for _, t := range g.hierarchy.trees {
		errs = append(errs, removeGroup(filepath.Join(t.parent, g.name)))
	}
	return errors.Join(errs...)
}
