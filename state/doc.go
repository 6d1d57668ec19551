// Package state is the board: its tasks, its registry of worktrees, its event log, and
// who may change a task. It keeps them in plain files that people and other programs
// may read and edit, and knows neither git nor what the commands of a run do.
//
// What it promises, to any number of goroutines and processes of one machine:
//
//   - Invariants 1 to 4. When [Store.Update] returns nil, all that it changed is on disk
//     and visible to every process; when it fails, nothing changed.
//   - A [View] is the board as it was at one instant, and reading changes nothing.
//   - The board's lock is the kernel's: it ends with the process that holds it.
//
// It is not safe across machines, and [CheckFileSystem] says where it cannot be kept.
//
// The words of this program, as all packages use them:
//
//   - A task is one goal, with a number that is never used again. It is open while it is
//     pending or in progress.
//   - An entry, [Worktree], is what the registry says of one worktree. It is live while it
//     is active or kept; the entry of a removed one stays until its name is used again.
//   - A task and a live entry are bound if each names the other.
//   - A [Claim] is the exclusive right to a task. Its token proves it; its lease says from
//     when on somebody else may take the task, and nothing else.
//   - An [Attempt] is one holder's time with a task, and how that ended. Attempts stay on the
//     task, claims do not.
//   - An [Intent] says what is about to be done with git, before it is done. It keeps name,
//     task and branch taken until the outcome is on the board.
//   - An [Operation] is the right to act on an intent. It lasts as long as its lock file is
//     open, in this process or in a git that it started; an intent without one is
//     interrupted, and whoever comes by finishes or undoes it.
//   - A snapshot is a ref of git that holds what was in a worktree, and stays. The trash is
//     where the files of a removed worktree lie for some days, those included that a
//     snapshot leaves out. Both are named by the id of the operation that made them.
//   - An [Event] tells of one change; it is committed with the change.
package state
