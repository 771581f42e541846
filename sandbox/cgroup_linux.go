package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Note: containerd/cgroups was tried on paper and left out. What is needed
// here is a dozen files written and read, the writes have to happen on one
// chosen thread, and the package brings protobuf, dbus and eBPF, whose
// initialisers would run in every function process that is this very program.

// controllers are what an environment needs, in the order of printing.
var controllers = []string{"memory", "cpu", "pids", "freezer"}

// missing says what the lack of a controller does to a run.
var missing = map[string]string{
	"memory":  "memory is not limited and running out of it is not detected; peak memory is the sum of the processes' own peaks",
	"cpu":     "CPU is not limited: init and duration are those of this machine's full CPU at every memory size",
	"pids":    "the number of processes is not limited",
	"freezer": "an idle environment is stopped by SIGSTOP instead of being frozen",
}

// minMemoryMB is the smallest memory limit that is set. Below it the limit
// could strike before the new program has replaced the image of this one.
const minMemoryMB = 16

// cpuWeight is what a group weighs when a core is wanted by more than can have
// it, where 100 is what any other process weighs (cpu.weight of cgroup v2;
// 1024 cpu.shares of v1). On Lambda the front end and the client run on other
// machines; here a burst of cold starts shares the cores with both, and must
// not delay them. It limits nothing while a core is free.
const cpuWeight = 20

// detect finds the hierarchy to use and says what it lacks.
func detect(o Options, on *spawner) (hierarchy, []string) {
	const remedy = " (run as root, or in a cgroup that is delegated to this user)"
	if o.NoCgroups {
		return nil, lacks(nil, "cgroups are switched off: ", "")
	}
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		return nil, lacks(nil, "no cgroups here: ", "")
	}
	own, err := readMembership("/proc/self/cgroup")
	if err != nil {
		return nil, lacks(nil, "no cgroups here: ", "")
	}
	mark := newMark()
	removeStale(mounts, mark)
	if h := newLegacy(mounts, own, mark, on); h != nil {
		return h, lacks(h.controllers(), "no writable cgroup controller: ", remedy)
	}
	if h := newUnified(mounts, own, mark); h != nil {
		return h, lacks(h.controllers(), "no cgroup controller here: ", remedy)
	}
	return nil, lacks(nil, "no writable cgroup: ", remedy)
}

// lacks words a warning for each controller that is not among have.
func lacks(have []string, why, remedy string) []string {
	var all []string
	for _, c := range controllers {
		if !slices.Contains(have, c) {
			all = append(all, why+missing[c]+remedy)
		}
	}
	if len(have) == 0 {
		all = append(all, why+escapes+remedy)
	}
	return all
}

// mount is one mounted cgroup file system.
type mount struct {
	root    string // the cgroup that is mounted
	dir     string // where
	unified bool
	options []string // controllers, for version 1
}

// readMounts parses proc(5)'s mountinfo: fields 4 and 5 are root and mount
// point; after the separator " - " come type, source and the super options.
func readMounts(file string) ([]mount, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var mounts []mount
	for line := range strings.Lines(string(text)) {
		before, after, found := strings.Cut(strings.TrimSpace(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 5 || len(right) < 3 || !strings.HasPrefix(right[0], "cgroup") {
			continue
		}
		mounts = append(mounts, mount{
			root: unescape(left[3]), dir: unescape(left[4]),
			unified: right[0] == "cgroup2", options: strings.Split(right[2], ","),
		})
	}
	return mounts, nil
}

// unescape undoes the octal escapes of mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// readMembership parses proc(5)'s cgroup: controller -> path; the unified
// hierarchy has the empty name.
func readMembership(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	own := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for c := range strings.SplitSeq(parts[1], ",") {
			own[c] = parts[2]
		}
	}
	return own, nil
}

// at is the folder of a cgroup path in the mount, if it can be seen there.
func (m mount) at(path string) (string, bool) {
	rel, err := filepath.Rel(m.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return filepath.Join(m.dir, rel), true
}

// mark is the beginning of the names of all groups that this process makes:
// coldbench-PID-STARTTIME-PIDNAMESPACE-. With the start time a later process
// of the same pid is told apart; with the namespace a process in a container
// is not taken for dead because its pid means nothing here.
type mark struct {
	pid       int
	start     string
	namespace uint64
}

const prefix = "coldbench-"

func newMark() mark {
	m := mark{pid: os.Getpid(), start: startTime(os.Getpid())}
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &st) == nil {
		m.namespace = st.Ino
	}
	return m
}

func (m mark) String() string {
	return fmt.Sprintf("%s%d-%s-%d-", prefix, m.pid, m.start, m.namespace)
}

// forHost is the mark with a random part, for one program may have several
// Hosts.
func (m mark) forHost() string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return m.String() + hex.EncodeToString(random[:]) + "-"
}

// parseMark reads the mark in a group's name.
func parseMark(name string) (m mark, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	parts := strings.SplitN(rest, "-", 4)
	if !ok || len(parts) != 4 {
		return mark{}, false
	}
	pid, err1 := strconv.Atoi(parts[0])
	namespace, err2 := strconv.ParseUint(parts[2], 10, 64)
	return mark{pid: pid, start: parts[1], namespace: namespace}, err1 == nil && err2 == nil && pid > 0
}

// startTime is field 22 of proc(5)'s stat, in clock ticks since boot; "" for
// a process that is gone.
func startTime(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name in field 2 may hold anything, a ")" included.
	rest := string(stat)[strings.LastIndexByte(string(stat), ')')+1:]
	if fields := strings.Fields(rest); len(fields) > 19 {
		return fields[19]
	}
	return ""
}

// stale reports whether the process that made such a group is certainly gone.
func (m mark) stale(self mark) bool {
	return m.namespace == self.namespace && self.namespace != 0 && startTime(m.pid) != m.start
}

// removeStale kills what is left in the groups of dead programs and removes
// them, wherever in the hierarchies they are. Errors are not reported: what
// cannot be removed now is tried again at the next start.
func removeStale(mounts []mount, self mark) {
	const deepest = 8
	for _, m := range mounts {
		_ = filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil
			}
			if made, ok := parseMark(d.Name()); ok {
				if made.stale(self) {
					killMembers(path)
					_ = removeGroup(path)
				}
				return filepath.SkipDir
			}
			if strings.Count(path[len(m.dir):], "/") >= deepest {
				return filepath.SkipDir
			}
			return nil
		})
	}
}
