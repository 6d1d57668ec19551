//go:build unix

package main

import "syscall"

// signalled reports whether there is a process of that number.
func signalled(pid int) bool { return syscall.Kill(pid, 0) == nil }
