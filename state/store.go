package state

import (
	"context"
	"time"
)

// Store keeps one board. It is safe for concurrent use by goroutines, and any number
// of stores, in any number of processes, may be open on the same board. What every one
// of them must do is what package statetest asks.
//
// It is an interface although there is one store: who uses a board is to see no files, so
// that a store for several machines needs no change above this line.
//
// Intents, operations, private locks and caches are facts of this machine, for git's
// work is: a store that keeps tasks elsewhere still has those here.
type Store interface {
	Root() string // the directory that holds .tasks and .worktrees
	Now() float64 // the board's clock, in the form that the files have it

	// View runs fn on the board as it is at one instant between two changes, and changes
	// nothing. fn may be called more than once, and only the last call counts.
	View(ctx context.Context, fn func(*View) error) error
	// Update runs fn on the board, alone, and makes what fn changed durable and visible to
	// every process, all of it or nothing. When it returns nil the change survives any
	// crash. fn must be quick, without git, commands or network, and may be called more than
	// once. When the last call of it fails nothing is changed.
	Update(ctx context.Context, fn func(*Tx) error) error
	Prime(context.Context) error  // gets ready what a following Tasks needs
	Settle(context.Context) error // finishes what a process that died left to do
	Watch() (Watch, error)        // what happens from now on ends a Wait

	NewOperation() (*Operation, error)      // the right to a new one, before its intent is on the board
	TakeOver(id string) (*Operation, error) // of one whose owner is dead; else ErrLockHeld
	Going(id string) bool                   // its owner, or a child of it, lives
	SweepOperations() error                 // removes what dead ones left that have no intent

	TryLock(name string) (unlock func(), err error) // without waiting; ErrLockHeld where somebody has it
	ReadCache(name string) ([]byte, error)          // what is kept in one can be found out again
	WriteCache(name string, data []byte) error      // whole or not at all; it need not survive a crash

	Close() // the board needs no closing to be whole; no call may be going on
}

// Watch waits for changes of the board. It is used by one goroutine at a time.
type Watch interface {
	// Wait returns nil once there may be news since the Wait before (or since the Watch
	// was begun), after d, or after a few seconds, so that the caller looks at the board
	// anyway. The error is that of ctx.
	Wait(ctx context.Context, d time.Duration) error
	Close()
}

// LiveNames lists the worktrees that exist on the registry of a store, in its order.
func LiveNames(ctx context.Context, s Store) (names []string, err error) {
	err = s.View(ctx, func(v *View) error {
		names = nil
		all, err := v.Worktrees()
		for _, w := range all {
			if w.Live() {
				names = append(names, w.Name)
			}
		}
		return err
	})
	return names, err
}
