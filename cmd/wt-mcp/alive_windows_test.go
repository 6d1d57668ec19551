package main

import "os"

// signalled reports whether there is a process of that number.
func signalled(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Release() == nil
}
