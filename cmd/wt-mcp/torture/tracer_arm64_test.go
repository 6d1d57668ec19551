//go:build linux

package torture_test

func archCalls() map[uint64]string { return nil }
