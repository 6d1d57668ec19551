package runner

import (
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

func limited() bool { return false }

// supervisedByAncestor takes every ancestor of this program's name for a
// supervisor. A process whose parent has ended is not traced further.
func supervisedByAncestor() bool {
	self, err := os.Executable()
	if err != nil {
		return false
	}
	parents, names := processTable()
	for pid, left := uint32(os.Getppid()), 100; pid != 0 && left > 0; pid, left = parents[pid], left-1 {
		if strings.EqualFold(names[pid], filepath.Base(self)) {
			return true
		}
	}
	return false
}

func processTable() (parents map[uint32]uint32, names map[uint32]string) {
	parents, names = map[uint32]uint32{}, map[uint32]string{}
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return parents, names
	}
	defer windows.CloseHandle(snapshot)
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		parents[entry.ProcessID], names[entry.ProcessID] = entry.ParentProcessID, windows.UTF16ToString(entry.ExeFile[:])
	}
	return parents, names
}
