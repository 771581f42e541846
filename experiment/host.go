package experiment

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"

	"coldbench/loadgen"
	"coldbench/record"
)

// ThisHost describes the machine that makes the run. What can't be read stays
// empty; the host's name is left out, because runs are attached to documents.
func ThisHost(tool string) record.Host {
	h := record.Host{
		OS:         runtime.GOOS,
		Arch:       runtime.GOARCH,
		CPUs:       runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		GoVersion:  runtime.Version(),
		Tool:       tool,
	}
	h.Kernel = firstLine("/proc/sys/kernel/osrelease")
	h.ClockSource = firstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	h.CPUModel = field("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		h.MemoryMB = kb / 1024
	}
	h.OpenFileLimit, h.ProcessLimit = resourceLimits()
	if n := loadgen.LocalPorts(); n > 0 {
		h.Limits = map[string]string{"local_ports": strconv.Itoa(n)}
	}
	return h
}

func firstLine(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.TrimSpace(string(line))
}

// field returns the value of the first "key: value" line of a file of /proc.
func field(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
