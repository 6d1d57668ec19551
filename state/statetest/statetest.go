// Package statetest is what any store of a board must do. It asks a store only through
// what every store has, so it says nothing of where the board is kept, nor of what is left
// by a process or a machine that dies amid a change: that each store tests on its own.
package statetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// Board makes a new, empty board and returns what opens it: each call gives another
// store on the same board, as another process would have it. The suite closes them.
type Board func(t *testing.T) (open func() state.Store)

// Run asks a store everything.
func Run(t *testing.T, board Board) {
	for name, ask := range map[string]func(*testing.T, stores){
		"empty board":                  empty,
		"change is seen by all":        seenByAll,
		"failed change":                failedChange,
		"change sees itself":           seesItself,
		"reopened":                     reopened,
		"unknown keys stay":            unknownKeys,
		"together":                     together,
		"no update is lost":            noneLost,
		"one instant":                  oneInstant,
		"log":                          log,
		"search":                       search,
		"registry":                     registry,
		"claims":                       claims,
		"operations":                   operations,
		"operations that died":         deadOperations,
		"private locks and caches":     privates,
		"watch":                        watch,
		"a call that is over":          cancelled,
		"what a view or a change says": says,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask(t, board(t))
		})
	}
}

// stores opens the board once more.
type stores func() state.Store

func (open stores) one(t *testing.T) state.Store {
	s := open()
	t.Cleanup(s.Close)
	return s
}

func change(t *testing.T, s state.Store, fn func(*state.Tx)) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), func(tx *state.Tx) error { fn(tx); return nil }))
}

func look(t *testing.T, s state.Store, fn func(*state.View)) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(v *state.View) error { fn(v); return nil }))
}

// create adds a task, and tells.
func create(tx *state.Tx, subject string) state.Task {
	made := tx.CreateTask(state.Task{Subject: subject, Status: state.Pending, Priority: state.DefaultPriority})
	tx.Emit(state.Event{Event: state.TaskCreated, Task: state.Fields{"id": made.ID}})
	return made
}

func tasksOf(t *testing.T, v *state.View) *state.Tasks {
	t.Helper()
	tasks, err := v.Tasks()
	require.NoError(t, err)
	require.Empty(t, tasks.Problems)
	return tasks
}

// content is all that a view has, in a form to compare.
func content(t *testing.T, s state.Store) (all []string) {
	t.Helper()
	look(t, s, func(v *state.View) {
		all = nil
		for _, summary := range tasksOf(t, v).All {
			task, err := v.Task(summary.ID)
			require.NoError(t, err)
			all = append(all, text(t, task), text(t, summary))
		}
		entries, err1 := v.Worktrees()
		claims, err2 := v.Claims()
		intents, err3 := v.Intents()
		page, err4 := v.ReadLog(state.EventQuery{Limit: 1000})
		require.NoError(t, errors.Join(err1, err2, err3, err4))
		all = append(all, text(t, entries), text(t, claims), text(t, intents), text(t, page.Events), fmt.Sprint(page.LastSeq))
	})
	return all
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := state.Encode(v)
	require.NoError(t, err)
	return string(data)
}
