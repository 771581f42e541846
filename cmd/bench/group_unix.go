//go:build unix

package main

import "syscall"

// ownGroup keeps a terminal's Ctrl-C away from a child: this process drains
// the run first and then tells the child to stop.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
