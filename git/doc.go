// Package git finds a repository and manages its linked worktrees by running
// the git program.
//
// What it promises:
//
//   - Durability. When AddWorktree answers nil, the branch, the worktree's
//     administrative files and its index are flushed to the device. The checked
//     out files are not: git can write them again from the commit.
//   - Concurrency. Every method is safe for goroutines and for processes at
//     once. The few short steps of git that trip over each other (register a
//     worktree, drop one, delete a branch) run one at a time, under a flock on
//     <common dir>/wt-mcp/git.lock; a checkout or the deletion of a large
//     directory never runs under it. flock does not reach across machines, so a
//     repository on a network file system must be used from one machine.
//   - Ownership. A branch made by AddWorktree carries the operation's id in its
//     first reflog entry, and an unfinished worktree is locked with the
//     operation's id as the reason. Nothing else is ever undone.
//   - Death. After a kill at any instant git's own records say how far an
//     operation came: FinishAdd completes a complete one, UndoAdd takes back
//     everything else. Both may be repeated.
//   - Undo. RemoveWorktree takes a snapshot first, which is flushed before anything
//     moves; RestoreWorktree brings back from the trash or from the snapshot what
//     was there, and replaces nothing. FinishRestore and UndoRestore go on after a
//     kill.
//   - Facts. A typed reason (ErrDirty, ErrLocked, ErrBranchExists, ...) is
//     derived from what git or the file system says of the state, not from the
//     English of an error message.
//
// What it does not do: it runs no hooks and no background maintenance, asks no
// questions, and changes no configuration but the section of a branch which it
// deletes. It is no sandbox: a checkout runs the filters which the user's
// configuration names, and git reads config.worktree from a worktree's
// administrative directory.
//
// The minimum is git 2.36, the first with worktree list -z.
package git
