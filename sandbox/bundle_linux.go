//go:build amd64 || arm64

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A bundle is the folder of an OCI container: config.json, and the folder that
// becomes its root. Of the specification (opencontainers/runtime-spec, config.md,
// version 1.0.2) these types have what is used here.
type ociConfig struct {
	Version string     `json:"ociVersion"`
	Process ociProcess `json:"process"`
	Root    struct {
		Path     string `json:"path"`
		ReadOnly bool   `json:"readonly"`
	} `json:"root"`
	Hostname string     `json:"hostname,omitempty"`
	Mounts   []ociMount `json:"mounts"`
	Linux    ociLinux   `json:"linux"`
}

type ociProcess struct {
	User struct {
		UID int `json:"uid"`
		GID int `json:"gid"`
	} `json:"user"`
	Args            []string            `json:"args"`
	Env             []string            `json:"env"`
	Cwd             string              `json:"cwd"`
	Capabilities    map[string][]string `json:"capabilities"` // none
	NoNewPrivileges bool                `json:"noNewPrivileges"`
}

type ociMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options"`
}

type ociLinux struct {
	CgroupsPath string              `json:"cgroupsPath"`
	Namespaces  []map[string]string `json:"namespaces"`
	Masked      []string            `json:"maskedPaths"`
	ReadOnly    []string            `json:"readonlyPaths"`
}

// ociInit is the first process's file in a container.
const ociInit = "/.coldbench-init"

// newProcess describes a process of a container.
func newProcess(path string, x Extra) ociProcess {
	p := ociProcess{
		Args: append([]string{path}, x.Command[1:]...), Env: append([]string{}, x.Env...), Cwd: x.Dir,
		Capabilities: map[string][]string{}, NoNewPrivileges: true,
	}
	if p.Cwd == "" {
		p.Cwd = "/"
	}
	return p
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// writeBundle makes the bundle of an environment's container.
func writeBundle(dir string, s *Spec, g group, d *disks) error {
	root := filepath.Join(dir, "rootfs")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(root+ociInit, initImage(), 0o755)); err != nil {
		return err
	}
	c := ociConfig{Version: "1.0.2", Hostname: hostname()}
	c.Root.Path, c.Root.ReadOnly = "rootfs", true
	c.Process = newProcess(ociInit, Extra{Command: []string{ociInit}})
	c.Linux.CgroupsPath = g.path()
	for _, kind := range []string{"mount", "pid", "ipc", "uts"} {
		c.Linux.Namespaces = append(c.Linux.Namespaces, map[string]string{"type": kind})
	}
	// What a container of Docker's hides of /proc.
	c.Linux.Masked = []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/acpi", "/proc/scsi"}
	c.Linux.ReadOnly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
	sight := bundleView{base: filepath.Join("/", s.Root), root: root}
	for _, m := range s.Mounts {
		if m.Target != "/tmp" && !belowTmp(m.Target) {
			sight.places = append(sight.places, m.Target)
		}
	}
	if err := sight.show("/"); err != nil {
		return err
	}
	c.Mounts = slices.Concat(sight.mounts, names(sight.base))
	c.Mounts = append(c.Mounts,
		ociMount{"/proc", "proc", "proc", []string{"nosuid", "noexec", "nodev"}},
		ociMount{"/dev", "tmpfs", "tmpfs", []string{"nosuid", "mode=755", "size=64k"}},
		bind("/sys", "/sys", true), ociTmp(s, d),
	)
	for _, m := range s.Mounts {
		if _, err := m.check(); err != nil {
			return fmt.Errorf("show %s at %s: %w", m.Source, m.Target, err)
		}
		c.Mounts = append(c.Mounts, bind(m.Source, m.Target, m.ReadOnly))
	}
	return writeJSON(filepath.Join(dir, "config.json"), c)
}

// names shows what this machine knows of names and addresses in an image that
// has a place for it.
func names(base string) []ociMount {
	var all []ociMount
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if base != "/" && exists(path) && exists(base+path) {
			all = append(all, bind(path, path, true))
		}
	}
	return all
}

func hostname() string {
	name, _ := os.Hostname()
	return name
}

func bind(source, target string, readOnly bool) ociMount {
	options := []string{"rbind", "rprivate"}
	if readOnly {
		options = append(options, "rro")
	}
	return ociMount{target, "bind", source, options}
}

// ociTmp is what serves as /tmp: see private.openTmp.
func ociTmp(s *Spec, d *disks) ociMount {
	if disk := d.of(s.Tmp); disk != nil {
		return ociMount{"/tmp", "ext4", disk.device, []string{"nosuid", "nodev"}}
	}
	if s.Tmp != "" {
		return bind(s.Tmp, "/tmp", false)
	}
	options := []string{"nosuid", "nodev", "mode=1777"}
	if s.TmpMB > 0 {
		options = append(options, "size="+strconv.Itoa(s.TmpMB)+"m")
	}
	return ociMount{"/tmp", "tmpfs", "tmpfs", options}
}

// bundleView shows a tree in a container as view does: each entry of base bound
// into root, and a folder that lacks a place for a mount made anew, with its
// entries bound.
type bundleView struct {
	base, root string
	places     []string
	mounts     []ociMount
}

func (v *bundleView) show(dir string) error {
	list, err := os.ReadDir(filepath.Join(v.base, dir))
	if err != nil {
		return err
	}
	for _, entry := range list {
		path := filepath.Join(dir, entry.Name())
		if dir == "/" && ownFolders[entry.Name()] {
			continue
		}
		source, target := filepath.Join(v.base, path), filepath.Join(v.root, path)
		switch {
		case entry.Type()&os.ModeSymlink != 0:
			to, err := os.Readlink(source)
			if err != nil {
				return err
			}
			if err := os.Symlink(to, target); err != nil {
				return err
			}
		case entry.IsDir() && v.lacks(path):
			if err := os.Mkdir(target, 0o755); err != nil {
				return err
			}
			if err := v.show(path); err != nil {
				return err
			}
		default:
			v.mounts = append(v.mounts, bind(source, path, true))
		}
	}
	return nil
}

// lacks reports whether a place below a folder is missing.
func (v *bundleView) lacks(dir string) bool {
	for _, place := range v.places {
		if strings.HasPrefix(place, dir+"/") {
			if _, err := os.Stat(filepath.Join(v.base, place)); err != nil {
				return true
			}
		}
	}
	return false
}
