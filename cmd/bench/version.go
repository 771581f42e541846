package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

const release = "0.1.0"

// version names the tool as runs record it.
func version() string {
	v := release
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				v += "+" + s.Value[:12]
			}
		}
	}
	return fmt.Sprintf("coldbench %s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
