package runtimes

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed bootstrap.cjs
var nodeSource []byte

//go:embed stream.cjs
var nodeStreamSource []byte

//go:embed snapshot_restore_py.py
var pythonHooksSource []byte

//go:embed bootstrap.py
var pythonSource []byte

// Install writes our bootstraps into dir, which it makes. Files that are there
// already are replaced.
func Install(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("install bootstraps: %w", err)
	}
	for name, source := range map[string][]byte{nodeBootstrap: nodeSource, nodeStream: nodeStreamSource, pythonBootstrap: pythonSource, pythonHooks: pythonHooksSource} {
		if err := os.WriteFile(filepath.Join(dir, name), source, 0o644); err != nil {
			return fmt.Errorf("install bootstraps: %w", err)
		}
	}
	return nil
}
