// Package rules says what may happen on the board within one transaction, and
// does it: who may change a task, which tasks can begin, what a binding writes,
// how a claim, a task and a worktree end.
//
// What it promises:
//
//   - A change and the event that tells it come from one call, in one transaction:
//     nobody sees one without the other.
//   - Invariant 6: a task has at most one live claim, and a call that carries a lost
//     one changes nothing. Whether a lease is over says only that somebody else may
//     take the task; a token that was followed by another is refused at any time.
//   - Invariant 5, as far as the board goes: a task and its worktree name each other.
//   - A function that takes a View only looks and may be called more than once; one
//     that takes a Tx changes the board, and leaves it as it was where it fails, since
//     the transaction fails with it.
//
// It knows the board and nothing else: no git, no processes, no protocol. What it
// must hear of runs it asks its caller.
package rules
