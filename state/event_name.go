package state

// EventName says what an event tells. Names in use keep their meaning; README.md lists
// those below with what is said of each, and .ci/doccheck compares.
type EventName string

// The events that the original program writes as well.
const (
	WorktreeCreateBefore EventName = "worktree.create.before" // a worktree is about to be made
	WorktreeCreateAfter  EventName = "worktree.create.after"  // it is made, and on the board
	WorktreeCreateFailed EventName = "worktree.create.failed" // it is not, and `error` says why
	WorktreeRemoveBefore EventName = "worktree.remove.before" // a worktree is about to go
	WorktreeRemoveAfter  EventName = "worktree.remove.after"  // it is gone; `closeout` of its entry names the snapshot
	WorktreeRemoveFailed EventName = "worktree.remove.failed" // it is not, and `error` says why
	WorktreeKeep         EventName = "worktree.keep"          // a worktree is to stay
	TaskCompleted        EventName = "task.completed"         // a task is done
)

// The others about tasks.
const (
	TaskCreated   EventName = "task.created"   // a task is new
	TaskUpdated   EventName = "task.updated"   // fields of a task changed; `detail` has both values
	TaskDeleted   EventName = "task.deleted"   // a task was given up
	TaskClaimed   EventName = "task.claimed"   // somebody has the task now
	TaskReleased  EventName = "task.released"  // its holder, or a person, ended the claim
	TaskExpired   EventName = "task.expired"   // the lease of the claim was over
	TaskUnblocked EventName = "task.unblocked" // the last task that it waited for is closed
)

// The others about worktrees.
const (
	WorktreeBind        EventName = "worktree.bind"         // a task and a worktree belong together
	WorktreeAdopt       EventName = "worktree.adopt"        // a worktree that somebody made is on the board
	WorktreeSnapshot    EventName = "worktree.snapshot"     // what is in a worktree was kept under a ref
	WorktreeRestore     EventName = "worktree.restore"      // a removed worktree is back, or `error` says why not
	WorktreeSync        EventName = "worktree.sync"         // a worktree was put onto its base or another commit, or `error` says why not; `detail` has where it was
	WorktreeCommit      EventName = "worktree.commit"       // worktree_commit has committed; `detail` has the commit
	WorktreeMergeBefore EventName = "worktree.merge.before" // the work of a worktree is about to land; `undo` in `detail` names a landing that is to be taken back
	WorktreeMergeAfter  EventName = "worktree.merge.after"  // it is in the target; `detail` says which commits
	WorktreeMergeFailed EventName = "worktree.merge.failed" // it is not, and `error` says why
	WorktreeRunStarted  EventName = "worktree.run.started"  // a command runs
	WorktreeRunFinished EventName = "worktree.run.finished" // it has ended; `detail` says how
)

// Those about worktrees that would collide.
const (
	WorktreeOverlap        EventName = "worktree.overlap"         // it and the one in `detail` would collide, or now in other files
	WorktreeOverlapCleared EventName = "worktree.overlap_cleared" // they would not any more
)

// What was found wrong with the board, and mended.
const (
	RecoveryJournal    EventName = "recovery.journal"    // the journal could not be read; `detail` says where it was put aside
	RecoveryUnreadable EventName = "recovery.unreadable" // a file that a change replaced could not be read; it was put aside
	RecoveryConflict   EventName = "recovery.conflict"   // somebody wrote a file amid a change; theirs stays, ours was put aside
	RecoveryIndex      EventName = "recovery.index"      // a registry that could not be read was put aside, and is written anew
	RecoveryLost       EventName = "recovery.lost"       // a worktree that the registry had lost is back
	RecoveryMoved      EventName = "recovery.moved"      // the registry has where a worktree is now
	RecoveryBranch     EventName = "recovery.branch"     // the registry has which branch a worktree is on now
	RecoveryBinding    EventName = "recovery.binding"    // a task and its worktree name each other again, or neither does
)

// parseError stands for a line of the log that cannot be read. It has no sequence number.
const parseError EventName = "parse_error"
