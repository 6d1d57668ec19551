package statetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// The newest events, the oldest ones after a number, those that match; none is missed
// that was not put aside.
func log(t *testing.T, open stores) {
	s := open.one(t)
	for _, actor := range []string{"a", "b", "a", "c", "a"} {
		change(t, s, func(tx *state.Tx) {
			tx.Emit(state.Event{Event: state.TaskUpdated, Actor: actor, Task: state.Fields{"id": 1}, Detail: state.Fields{"k": "v"}})
		})
	}
	is := func(actor string) func(state.Event) bool { return func(e state.Event) bool { return e.Actor == actor } }
	after := func(seq int64) *int64 { return &seq }
	look(t, open.one(t), func(v *state.View) {
		for _, c := range []struct {
			query state.EventQuery
			want  []int64
		}{
			{state.EventQuery{Limit: 2}, []int64{4, 5}},
			{state.EventQuery{Limit: 9}, []int64{1, 2, 3, 4, 5}},
			{state.EventQuery{Limit: 2, Match: is("a")}, []int64{3, 5}},
			{state.EventQuery{Limit: 2, After: after(0)}, []int64{1, 2}},
			{state.EventQuery{Limit: 9, After: after(3)}, []int64{4, 5}},
			{state.EventQuery{Limit: 1, After: after(1), Match: is("a")}, []int64{3}},
			{state.EventQuery{Limit: 9, After: after(5)}, []int64{}},
		} {
			p, err := v.ReadLog(c.query)
			require.NoError(t, err)
			got := []int64{}
			for _, e := range p.Events {
				got = append(got, e.Seq)
				require.Equal(t, []any{state.TaskUpdated, "v"}, []any{e.Event, e.Detail["k"]})
				require.InDelta(t, v.Now(), e.TS, 60)
			}
			require.Equal(t, c.want, got)
			require.EqualValues(t, 5, p.LastSeq)
			require.Nil(t, p.Missed)
		}
	})
}

// A word is found wherever in a task it is, also where the list has not all of its text.
func search(t *testing.T, open stores) {
	s := open.one(t)
	change(t, s, func(tx *state.Tx) {
		tx.CreateTask(state.Task{Subject: "Alpha", Status: state.Pending, Description: strings.Repeat("x", 3000), Notes: []state.Note{{Text: "the OMEGA"}}})
	})
	look(t, open.one(t), func(v *state.View) {
		for query, want := range map[string]bool{" alpha Omega": true, "alpha psi": false, "": true, "xxx omeg": true, "q": false} {
			words := state.ParseWords(query)
			require.Equal(t, want, v.Mentions(tasksOf(t, v).All[0], &words), query)
		}
	})
}

// One live entry has a name, in whatever case, and a removed one gives way to it.
func registry(t *testing.T, open stores) {
	s := open.one(t)
	for _, w := range []state.Worktree{{Name: "one", Status: state.Active}, {Name: "two", Status: state.Kept}, {Name: "ONE", Status: state.Removed},
		{Name: "three", Status: state.Active}, {Name: "one", Status: state.Active, Branch: "again"}} {
		change(t, s, func(tx *state.Tx) { tx.PutWorktree(w) })
	}
	change(t, s, func(tx *state.Tx) { tx.PutWorktree(state.Worktree{Name: "two", Status: state.Removed}) })
	other := open.one(t)
	names, err := state.LiveNames(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "three"}, names)
	look(t, other, func(v *state.View) {
		w, ok, err := v.Worktree("One")
		require.NoError(t, err)
		require.Equal(t, []any{true, "again"}, []any{ok, w.Branch})
		w, ok, err = v.Worktree("two")
		require.NoError(t, err)
		require.Equal(t, []any{true, state.Removed}, []any{ok, w.Status})
	})
}

// Invariant 6.
func claims(t *testing.T, open stores) {
	s, other := open.one(t), open.one(t)
	var c state.Claim
	var token, stolen state.Token
	change(t, s, func(tx *state.Tx) {
		create(tx, "one")
		c, token = tx.GiveClaim(1, "owner", "actor", 60)
	})
	look(t, other, func(v *state.View) {
		held, ok, err := v.Claim(1)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, c, held)
		require.True(t, held.ProvedBy(token))
		require.True(t, v.OfThisBoot(held))
		require.InDelta(t, 60, v.LeaseLeft(held).Seconds(), 30)
	})
	change(t, other, func(tx *state.Tx) {
		_, stolen = tx.GiveClaim(1, "other", "", 5)
		tx.KeepRuns(1, []string{"run"})
	})
	look(t, s, func(v *state.View) {
		all, err := v.Claims()
		require.NoError(t, err)
		require.Len(t, all, 1, "one at most is held of a task")
		require.Equal(t, []any{int64(2), "other", []string{"run"}}, []any{all[0].Number, all[0].Owner, all[0].Runs})
		require.Equal(t, []bool{false, true}, []bool{all[0].ProvedBy(token), all[0].ProvedBy(stolen)})
		require.LessOrEqual(t, v.LeaseLeft(all[0]), 5*time.Second)
	})
	change(t, s, func(tx *state.Tx) { tx.EndClaim(1) })
	change(t, other, func(tx *state.Tx) {
		_, held, err := tx.Claim(1)
		require.NoError(t, err)
		require.False(t, held)
		c, _ := tx.GiveClaim(1, "third", "", 5)
		require.EqualValues(t, 3, c.Number, "a number is given out once")
	})
}

// A wait ends with a change of whatever store, with its time, and with its caller.
func watch(t *testing.T, open stores) {
	s, other := open.one(t), open.one(t)
	w, err := s.Watch()
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Wait(t.Context(), 0))
	require.NoError(t, w.Wait(t.Context(), time.Millisecond), "after its time")
	for seq := int64(1); seq <= 3; seq++ {
		told := make(chan error, 1)
		go func() {
			told <- other.Update(context.Background(), func(tx *state.Tx) error { create(tx, "news"); return nil })
		}()
		for began, last := time.Now(), int64(0); last < seq; {
			require.NoError(t, w.Wait(t.Context(), time.Minute))
			require.Less(t, time.Since(began), 30*time.Second)
			look(t, s, func(v *state.View) { _, last, err = v.Events(state.EventQuery{Limit: 1}) })
			require.NoError(t, err)
		}
		require.NoError(t, <-told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	for err == nil {
		err = w.Wait(ctx, time.Minute)
	}
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, w.Wait(t.Context(), time.Millisecond), "the watch goes on")
}

// Private locks exclude, caches are whole or not there.
func privates(t *testing.T, open stores) {
	s, other := open.one(t), open.one(t)
	unlock, err := s.TryLock("some.lock")
	require.NoError(t, err)
	_, err = other.TryLock("some.lock")
	require.ErrorIs(t, err, state.ErrLockHeld)
	_, err = s.TryLock("some.lock")
	require.ErrorIs(t, err, state.ErrLockHeld)
	another, err := other.TryLock("another.lock")
	require.NoError(t, err)
	another()
	unlock()
	unlock, err = other.TryLock("some.lock")
	require.NoError(t, err)
	unlock()

	_, err = s.ReadCache("some.json")
	require.Error(t, err)
	for _, text := range []string{"longer", "short", ""} {
		require.NoError(t, s.WriteCache("some.json", []byte(text)))
		data, err := other.ReadCache("some.json")
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
}

// Invariant 5, as far as the board goes: an intent is held while its owner lives.
func operations(t *testing.T, open stores) {
	s, other := open.one(t), open.one(t)
	op, err := s.NewOperation()
	require.NoError(t, err)
	second, err := s.NewOperation()
	require.NoError(t, err)
	require.NotEqual(t, op.ID, second.ID)
	task := 7
	change(t, s, func(tx *state.Tx) {
		in := tx.PutIntent(op, state.Intent{Kind: state.IntentCreate, Name: "Name", TaskID: &task})
		require.Equal(t, []any{op.ID, tx.At()}, []any{in.ID, in.At})
		require.NotEmpty(t, in.Holder)
		tx.PutIntent(second, state.Intent{Kind: state.IntentRemove, Name: "second"})
	})
	for _, one := range []state.Store{s, other} {
		require.NoError(t, one.SweepOperations())
		require.True(t, one.Going(op.ID))
		_, err = one.TakeOver(op.ID)
		require.ErrorIs(t, err, state.ErrLockHeld)
		look(t, one, func(v *state.View) {
			require.True(t, v.Going(op.ID))
			all, err := v.Intents()
			require.NoError(t, err)
			require.Len(t, all, 2)
			byName, err1 := v.Unfinished("name", nil)
			byTask, err2 := v.Unfinished("", &task)
			none, err3 := v.Unfinished("other", nil)
			require.NoError(t, errors.Join(err1, err2, err3))
			require.Equal(t, []string{op.ID, op.ID}, []string{byName.ID, byTask.ID})
			require.Nil(t, none)
		})
	}
	change(t, s, func(tx *state.Tx) { tx.DropIntent(op); tx.DropIntent(second) })
	op.Close()
	second.Close()
	require.False(t, other.Going(op.ID))
	look(t, other, func(v *state.View) {
		all, err := v.Intents()
		require.NoError(t, err)
		require.Empty(t, all)
	})
}

// Whoever comes may go on with what the dead have left, one at a time.
func deadOperations(t *testing.T, open stores) {
	s, other := open.one(t), open.one(t)
	op, err := s.NewOperation()
	require.NoError(t, err)
	change(t, s, func(tx *state.Tx) { tx.PutIntent(op, state.Intent{Kind: state.IntentCreate, Name: "w"}) })
	op.File().Close() // it dies
	require.NoError(t, other.SweepOperations())
	require.False(t, other.Going(op.ID))
	taken, err := other.TakeOver(op.ID)
	require.NoError(t, err)
	require.Equal(t, op.ID, taken.ID)
	require.True(t, s.Going(op.ID))
	_, err = s.TakeOver(op.ID)
	require.ErrorIs(t, err, state.ErrLockHeld)
	change(t, other, func(tx *state.Tx) {
		in, err := tx.Unfinished("w", nil)
		require.NoError(t, err)
		require.Equal(t, op.ID, in.ID, "a sweep leaves what is on the board")
		tx.DropIntent(taken)
	})
	taken.Close()
	require.False(t, s.Going(op.ID))
}
