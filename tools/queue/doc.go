// Package queue serialises work on one thing among goroutines and processes, and lets
// whoever has the turn do the work of all that wait.
//
// What it promises:
//
//   - One has the turn at a time. The turn is a lock of an open file: it is never broken,
//     and ends with the process that has it.
//   - Who has the turn is given every item that waits, of its own process and of others,
//     in the order in which they came, and may settle any of them. What it does not
//     settle waits on.
//   - Nobody waits for ever: where the turn is free, one of those that wait has it next.
//   - An item is withdrawn by the end of its context, or of its process, until it is
//     taken. After that it is settled: by who took it or, where that died, by the next
//     one, who is told that it was taken before.
//   - Items of other processes are read from files that hold no secret. What is in them
//     was written by a process of a user who may write to the directory.
package queue
