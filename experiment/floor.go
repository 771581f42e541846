package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coldbench/record"
)

// keptFloor is the file that holds what a machine was found to allow.
type keptFloor struct {
	Machine machine      `json:"machine"`
	Floor   record.Floor `json:"floor"`
}

// machine is what a floor holds for: another kernel or another number of
// processors may have another.
type machine struct {
	OS, Arch, Kernel, CPUModel string
	CPUs, GOMAXPROCS           int
}

func machineOf(h *record.Host) machine {
	return machine{OS: h.OS, Arch: h.Arch, Kernel: h.Kernel, CPUModel: h.CPUModel, CPUs: h.CPUs, GOMAXPROCS: h.GOMAXPROCS}
}

// floorFile is in the user's folder for caches, for it can be measured again.
func floorFile() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("keep the floor of this machine: %w", err)
	}
	return filepath.Join(dir, "coldbench", "floor.json"), nil
}

// KeepFloor keeps what was measured on h for the runs to come, and returns the
// file.
func KeepFloor(h *record.Host, f record.Floor) (file string, err error) {
	if file, err = floorFile(); err != nil {
		return "", err
	}
	b, err := json.MarshalIndent(keptFloor{machineOf(h), f}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("keep the floor of this machine: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("keep the floor of this machine: %w", err)
	}
	// Whole or not at all, whatever happens meanwhile.
	if err := errors.Join(os.WriteFile(file+".new", append(b, '\n'), 0o600), os.Rename(file+".new", file)); err != nil {
		return "", fmt.Errorf("keep the floor of this machine: %w", err)
	}
	return file, nil
}

// Floor is what was measured on h, nil where nothing was. The error says that
// what was kept can't be read.
func Floor(h *record.Host) (*record.Floor, error) {
	file, err := floorFile()
	if err != nil {
		return nil, nil //nolint:nilerr // without a folder nothing was kept
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var kept keptFloor
	if err == nil {
		err = json.Unmarshal(b, &kept)
	}
	if err != nil {
		return nil, fmt.Errorf("read the floor of this machine, %s: %w", file, err)
	}
	if kept.Machine != machineOf(h) {
		return nil, nil
	}
	return &kept.Floor, nil
}
