// Package files keeps a board in plain files that people and other programs may read and
// edit: a file for each task, one for the registry, and the event log.
//
// What it promises, to any number of goroutines and processes of one machine:
//
//   - Invariants 1 to 4. When [Store.Update] returns nil, all that it changed is on disk
//     and visible to every process; when it fails, nothing changed.
//   - The board's lock is the kernel's: it ends with the process that holds it.
//   - What a process that died left half done, its successor finishes, and what cannot be
//     read is kept aside.
//
// A change goes: lock, recover if need be, decide, append one record to the journal and
// flush it, which is the commit, write the files, append the events, mark clean. It is not
// safe across machines, and [CheckFileSystem] says where it cannot be kept.
package files
