package statetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

func empty(t *testing.T, open stores) {
	s := open.one(t)
	require.NoError(t, s.Settle(t.Context()))
	require.NoError(t, s.Prime(t.Context()))
	require.NoError(t, s.SweepOperations())
	require.Equal(t, []string{"null", "null", "null", "[]", "0"}, content(t, s))
	look(t, s, func(v *state.View) {
		_, err := v.Task(1)
		require.Equal(t, state.NotFound, state.CodeOf(err))
		_, ok, err := v.Worktree("w")
		require.NoError(t, err)
		require.False(t, ok)
		require.InDelta(t, s.Now(), v.Now(), 60)
	})
}

// Invariant 2.
func seenByAll(t *testing.T, open stores) {
	a, b := open.one(t), open.one(t)
	for i, s := range []state.Store{a, b, a} {
		change(t, s, func(tx *state.Tx) {
			require.Equal(t, i+1, tx.NextID())
			made := create(tx, fmt.Sprint("task ", i+1))
			require.Equal(t, []any{i + 1, 1, tx.At(), tx.At()}, []any{made.ID, made.Version, made.CreatedAt, made.UpdatedAt})
		})
	}
	want := content(t, a)
	require.Len(t, want, 3*2+5)
	require.Equal(t, want, content(t, b))
	require.Equal(t, want, content(t, open.one(t)))
	require.Equal(t, a.Root(), b.Root())
}

// Invariant 2: nothing of a change that fails is ever seen.
func failedChange(t *testing.T, open stores) {
	s, no := open.one(t), errors.New("no")
	change(t, s, func(tx *state.Tx) { create(tx, "first") })
	before := content(t, s)
	require.Equal(t, no, s.Update(t.Context(), func(tx *state.Tx) error {
		create(tx, "second")
		tx.PutTask(state.Task{ID: 1, Subject: "changed", Status: state.Pending})
		tx.PutWorktree(state.Worktree{Name: "w", Status: state.Active})
		tx.GiveClaim(1, "owner", "", 60)
		return no
	}))
	require.Equal(t, before, content(t, s))
	require.Equal(t, before, content(t, open.one(t)))
	change(t, s, func(*state.Tx) {})
	require.Equal(t, before, content(t, s), "a change of nothing changes nothing")
	change(t, s, func(tx *state.Tx) { require.Equal(t, 2, create(tx, "second").ID) })
}

func seesItself(t *testing.T, open stores) {
	s, other := open.one(t), open.one(t)
	op, err := s.NewOperation()
	require.NoError(t, err)
	defer op.Close()
	change(t, s, func(tx *state.Tx) {
		made := create(tx, "staged")
		tx.PutWorktree(state.Worktree{Name: "w", Status: state.Active})
		tx.GiveClaim(made.ID, "owner", "", 60)
		tx.PutIntent(op, state.Intent{Kind: state.IntentCreate, Name: "w"})
		summary, ok := tasksOf(t, &tx.View).Find(made.ID)
		require.True(t, ok)
		require.Equal(t, "staged", summary.Subject)
		task, err := tx.Task(made.ID)
		require.NoError(t, err)
		require.Equal(t, "staged", task.Subject)
		_, live, err := tx.Worktree("W")
		require.NoError(t, err)
		require.True(t, live)
		_, claimed, err := tx.Claim(made.ID)
		require.NoError(t, err)
		require.True(t, claimed)
		in, err := tx.Unfinished("w", nil)
		require.NoError(t, err)
		require.Equal(t, op.ID, in.ID)
		tx.DropIntent(op)
		in, err = tx.Unfinished("w", nil)
		require.NoError(t, err)
		require.Nil(t, in)
	})
	require.Equal(t, content(t, s), content(t, other))
}

// Invariant 1, as far as a process that ends in order goes.
func reopened(t *testing.T, open stores) {
	s := open()
	op, err := s.NewOperation()
	require.NoError(t, err)
	change(t, s, func(tx *state.Tx) {
		task := create(tx, "Über <all> & \"this\"\n")
		tx.PutWorktree(state.Worktree{Name: "w", Path: "/p", Branch: "wt/w", Status: state.Active, TaskID: &task.ID})
		tx.GiveClaim(task.ID, "owner", "actor", 60)
		tx.PutIntent(op, state.Intent{Kind: state.IntentRemove, Name: "w", TaskID: &task.ID})
	})
	for i := range 100 {
		change(t, s, func(tx *state.Tx) {
			task, err := tx.Task(1)
			require.NoError(t, err)
			task.Notes = append(task.Notes, state.Note{At: tx.At(), Text: fmt.Sprint(i)})
			tx.PutTask(task)
			tx.Emit(state.Event{Event: state.TaskUpdated, Detail: state.Fields{"round": i}})
		})
	}
	before := content(t, s)
	op.File().Close() // the process ends without having finished it
	s.Close()
	s = open.one(t)
	require.Equal(t, before, content(t, s))
	require.NoError(t, s.Settle(context.Background()))
	require.Equal(t, before, content(t, s))
	change(t, s, func(tx *state.Tx) {
		require.Equal(t, 2, create(tx, "next").ID, "an id is given out once")
		c, _ := tx.GiveClaim(2, "owner", "", 60)
		require.EqualValues(t, 2, c.Number, "so is the number of a claim")
	})
	look(t, s, func(v *state.View) {
		_, last, err := v.Events(state.EventQuery{Limit: 1})
		require.NoError(t, err)
		require.EqualValues(t, 102, last, "and of an event")
	})
}

// What other programs keep in a value outlives our changes.
func unknownKeys(t *testing.T, open stores) {
	s := open.one(t)
	var task state.Task
	require.NoError(t, task.UnmarshalJSON([]byte(`{"status":"pending","theirs":{"a":[1,2.50]}}`)))
	var entry state.Worktree
	require.NoError(t, entry.UnmarshalJSON([]byte(`{"name":"w","status":"active","mine":1.10}`)))
	change(t, s, func(tx *state.Tx) { tx.CreateTask(task); tx.PutWorktree(entry) })
	change(t, s, func(tx *state.Tx) {
		tx.PutTask(state.Task{ID: 1, Subject: "anew", Status: state.InProgress, Version: 1})
		tx.PutWorktree(state.Worktree{Name: "other", Status: state.Kept})
	})
	look(t, open.one(t), func(v *state.View) {
		task, err := v.Task(1)
		require.NoError(t, err)
		require.Equal(t, []any{"anew", 2}, []any{task.Subject, task.Version})
		require.Contains(t, text(t, task), `"theirs":{"a":[1,2.50]}`)
		entry, _, err := v.Worktree("w")
		require.NoError(t, err)
		require.Contains(t, text(t, entry), `"mine":1.10`)
	})
}

const writers, rounds = 4, 15

// atOnce runs fn in several goroutines, each with a store of its own.
func atOnce(t *testing.T, open stores, fn func(s state.Store, writer int) error) {
	t.Helper()
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		s := open.one(t)
		all.Go(func() { errs[i] = fn(s, i) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

// Invariant 4.
func together(t *testing.T, open stores) {
	atOnce(t, open, func(s state.Store, writer int) error {
		for i := range rounds {
			err := s.Update(context.Background(), func(tx *state.Tx) error {
				create(tx, fmt.Sprint(writer, i))
				tx.Emit(state.Event{Event: state.TaskUpdated})
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	look(t, open.one(t), func(v *state.View) {
		all := tasksOf(t, v).All
		require.Len(t, all, writers*rounds)
		for i, task := range all {
			require.Equal(t, i+1, task.ID, "each number is one task's, and none is left out")
		}
		events, last, err := v.Events(state.EventQuery{Limit: 1000})
		require.NoError(t, err)
		require.EqualValues(t, 2*writers*rounds, last)
		require.Len(t, events, 2*writers*rounds)
		for i, e := range events {
			require.EqualValues(t, i+1, e.Seq)
		}
		for i := 0; i < len(events); i += 2 {
			require.Equal(t, []state.EventName{state.TaskCreated, state.TaskUpdated}, []state.EventName{events[i].Event, events[i+1].Event},
				"what one change tells is not torn apart")
		}
	})
}

// Invariant 2: what a change has read is what it changes.
func noneLost(t *testing.T, open stores) {
	change(t, open.one(t), func(tx *state.Tx) { create(tx, "counter") })
	atOnce(t, open, func(s state.Store, writer int) error {
		for range rounds {
			err := s.Update(context.Background(), func(tx *state.Tx) error {
				task, err := tx.Task(1)
				task.Priority++
				tx.PutTask(task)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	look(t, open.one(t), func(v *state.View) {
		task, err := v.Task(1)
		require.NoError(t, err)
		require.Equal(t, []int{state.DefaultPriority + writers*rounds, 1 + writers*rounds}, []int{task.Priority, task.Version})
	})
}

// Invariant 2: no view is between two values of one change.
func oneInstant(t *testing.T, open stores) {
	s := open.one(t)
	put := func(tx *state.Tx, round int) {
		for id := 1; id <= 2; id++ {
			tx.PutTask(state.Task{ID: id, Subject: fmt.Sprint(round), Status: state.Pending})
		}
		tx.PutWorktree(state.Worktree{Name: "w", Branch: fmt.Sprint(round), Status: state.Active})
		tx.Emit(state.Event{Event: state.TaskUpdated, Actor: fmt.Sprint(round)})
	}
	change(t, s, func(tx *state.Tx) { create(tx, ""); create(tx, ""); put(tx, 0) })
	done := make(chan error, 1)
	go func() {
		var err error
		for round := 1; round <= 100 && err == nil; round++ {
			err = s.Update(context.Background(), func(tx *state.Tx) error { put(tx, round); return nil })
		}
		done <- err
	}()
	for other, going := open.one(t), true; going; {
		select {
		case err := <-done:
			require.NoError(t, err)
			going = false
		default:
		}
		saw := places(t, other)
		require.Equal(t, []string{saw[0], saw[0], saw[0], saw[0]}, saw)
		require.True(t, going || saw[0] == "100", saw)
	}
}

// places is what a view has in each of the four places that oneInstant writes. The view
// may be run again, so that only what the last run saw counts.
func places(t *testing.T, s state.Store) (saw []string) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(v *state.View) error {
		one, err1 := v.Task(1)
		entry, _, err2 := v.Worktree("w")
		events, _, err3 := v.Events(state.EventQuery{Limit: 1})
		tasks, err4 := v.Tasks()
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		two, ok := tasks.Find(2)
		if !ok || len(events) != 1 {
			return fmt.Errorf("there are %d tasks and %d events", len(tasks.All), len(events))
		}
		saw = []string{one.Subject, two.Subject, entry.Branch, events[0].Actor}
		return nil
	}))
	return saw
}

// A call whose caller is gone is done, or is not done and says so.
func cancelled(t *testing.T, open stores) {
	s, done := open.one(t), 0
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		if i%2 == 0 {
			cancel()
		}
		err := s.Update(ctx, func(tx *state.Tx) error { create(tx, "one"); cancel(); return nil })
		if cancel(); err == nil {
			done++
		}
	}
	look(t, open.one(t), func(v *state.View) { require.Len(t, tasksOf(t, v).All, done) })
}

// What fn says is what the call says.
func says(t *testing.T, open stores) {
	s := open.one(t)
	no := state.Errorf(state.Conflict, "hint", "no")
	require.Equal(t, error(no), s.Update(t.Context(), func(*state.Tx) error { return no }))
	require.Equal(t, error(no), s.View(t.Context(), func(*state.View) error { return no }))
}
