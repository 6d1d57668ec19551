// Package state is the board as values and rules of change: its tasks, its registry of
// worktrees, its event log, and who may change a task. It knows neither git, nor what the
// commands of a run do, nor where a store keeps the board.
//
// What it promises, whatever [Store] keeps the board:
//
//   - A [View] is the board as it was at one instant, and reading changes nothing.
//   - A change is made in three steps: it is read, from a [Source]; decided, by a function
//     on a [Tx], which reaches nothing but the board ([Decide]); and taken or refused as one
//     [Batch], values and events together (invariants 1 to 4).
//   - What other programs and people wrote into a value survives our changing it.
//
// Package files is the store on plain files, and package statetest what any store must do.
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
