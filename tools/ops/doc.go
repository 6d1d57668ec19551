// Package ops makes the changes that need the board and git together: a worktree is
// created, removed, restored.
//
// Each is announced on the board, done by git, and settled on the board:
//
//   - announce reserves name, task and branch under the board's lock, and leaves an
//     intent there;
//   - act lets git do it, without the lock. Git's processes inherit the operation's
//     lock file, so an orphan still counts as alive;
//   - settle puts the outcome on the board and takes the intent off it; where act
//     failed, git has undone what it did, and that is told instead.
//
// What it promises:
//
//   - Invariant 5. At any instant board and git agree, but for an operation that has
//     an intent.
//   - Death. Recovery is the same code from the stored intent: finish takes the place
//     of act and either gets the operation to its end or undoes it. It may die too.
//   - A change that wants a name or a task calls [Ops.Clear], and only that: it can
//     finish or undo what others left half done before the change is made, so it may
//     check out a worktree, copy files into it and start its set-up.
//   - Invariant 10. The board's lock is never held while git runs.
//
// A new kind is a file with its announce, act, finish, settle and fail, and a line in
// [Ops.kindOf].
package ops
