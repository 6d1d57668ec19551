package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs/flock"
)

// Get returns a run as it stands. A run whose supervisor died is ended first.
func (j *Jobs) Get(id string) (Record, error) {
	r, err := readRecord(j.dir, id)
	if err != nil || r.Over() || held(j.dir, id) {
		return r, err
	}
	if j.ReadOnly {
		if r, err = readRecord(j.dir, id); err == nil && !r.Over() {
			r.lose(j.dir, time.Now())
		}
		return r, err
	}
	j.settle(id, true)
	return readRecord(j.dir, id)
}

// Log opens the output of a run.
func (j *Jobs) Log(r Record) (Log, error) { return openLog(j.dir, r.ID, r.LogLimit) }

// LogPath is the file with the beginning of a run's output.
func (j *Jobs) LogPath(id string) string { return file(j.dir, id, ".log") }

// Began is when a run began, by the clock of the file system: nothing that the run
// changed there is older.
func (j *Jobs) Began(id string) (time.Time, error) {
	info, err := statFile(file(j.dir, id, ".lock"))
	if err != nil {
		return time.Time{}, fmt.Errorf("find start of run %s: %w", id, err)
	}
	return info.ModTime(), nil
}

// List returns the runs of a worktree, or of all where name is empty, the newest
// first. A record that cannot be read is left out.
func (j *Jobs) List(name string) ([]Record, error) {
	ids, err := j.ids()
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, id := range slices.Backward(ids) {
		r, err := j.Get(id)
		if err == nil && (name == "" || strings.EqualFold(r.Worktree, name)) {
			all = append(all, r)
		}
	}
	return all, nil
}

// ids lists the runs on record, the oldest first.
func (j *Jobs) ids() ([]string, error) {
	names, err := listNames(j.dir)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var ids []string
	for _, name := range names {
		if id, ok := strings.CutSuffix(name, ".json"); ok && idForm.MatchString(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Wait waits until a run is over, at most for a time; news, if not nil, ends the
// wait early where it is true.
func (j *Jobs) Wait(ctx context.Context, id string, d time.Duration, news func() bool) {
	limit := time.NewTimer(d)
	defer limit.Stop()
	var done chan struct{}
	if run := j.mine(id); run != nil {
		done = run.Done
	}
	const quick, slow = 20 * time.Millisecond, 200 * time.Millisecond
	for pause := quick; ; pause = min(slow, pause*3/2) {
		if done == nil && !held(j.dir, id) || news != nil && news() {
			return
		}
		look := time.NewTimer(pause)
		if done != nil && news == nil {
			look.Stop()
		}
		select {
		case <-done:
			look.Stop()
			return
		case <-limit.C:
			look.Stop()
			return
		case <-ctx.Done():
			look.Stop()
			return
		case <-look.C:
		}
	}
}

// Stop ends a run, whoever started it, and waits for that as long as ctx lives.
// It is no error that it is over.
func (j *Jobs) Stop(ctx context.Context, id, why string) (Record, error) {
	r, err := j.Get(id)
	if err != nil || r.Over() {
		return r, err
	}
	if run := j.mine(id); run == nil || run.keeper.send(order{Stop: id, Cause: why}) != nil {
		if err := replaceFile(file(j.dir, id, stopSuffix), []byte(why)); err != nil && !errors.Is(err, fs.ErrExist) { // somebody else asks just now
			return r, fmt.Errorf("ask for the end of run %s: %w", id, err)
		}
		nudge(j.dir, r)
	}
	j.Wait(ctx, id, lastWait+2*grace, nil)
	if held(j.dir, id) && ctx.Err() == nil {
		return r, fmt.Errorf("run %s did not end in %v", id, lastWait+2*grace)
	}
	return j.Get(id)
}

// Settle has the end told of every run that is over, where nobody did: its server
// died, or its supervisor.
func (j *Jobs) Settle() {
	ids, err := j.ids()
	if err != nil {
		return
	}
	for _, id := range ids {
		if r, err := readRecord(j.dir, id); err == nil && !r.Told && !held(j.dir, id) {
			j.settle(id, true)
		}
	}
}

// settle puts the end of a run on record, where its supervisor could not, and has
// it told, unless somebody else does or did. Only who started the run and has it
// told first is without doubt that nobody else told it and died.
func (j *Jobs) settle(id string, doubt bool) {
	for deadline := time.Now().Add(lastWait); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		lock, err := takeLock(j.dir, id)
		if errors.Is(err, flock.ErrHeld) {
			continue
		}
		if err == nil {
			j.settleLocked(id, doubt)
			lock.Close()
		}
		return
	}
}

func (j *Jobs) settleLocked(id string, doubt bool) {
	r, err := readRecord(j.dir, id)
	if err != nil || r.Told {
		return
	}
	if !r.Over() {
		endMarked(id)
		r.lose(j.dir, time.Now())
		if r.write(j.dir) != nil {
			return
		}
	}
	if j.tell(&r, doubt) != nil {
		return
	}
	r.Told = true
	r.write(j.dir)
}

// lose ends the record of a run whose supervisor died.
func (r *Record) lose(dir string, now time.Time) {
	r.Status, r.ExitCode, r.Cause = Cancelled, unknownCode, "its supervisor died"
	r.EndedAt, r.Duration = epoch(now), epoch(now)-r.StartedAt
	if l, err := openLog(dir, r.ID, r.LogLimit); err == nil {
		r.OutputBytes = l.Size()
	}
}

// Sweep deletes logs and records of runs that ended long ago, and the oldest
// where all logs together are too large.
func (j *Jobs) Sweep(now time.Time, keep time.Duration, bytes int64) {
	const most = 500
	ids, err := j.ids()
	if err != nil {
		return
	}
	var size int64
	for i, id := range slices.Backward(ids) {
		r, err := readRecord(j.dir, id)
		if err != nil || !r.Over() || !r.Told || held(j.dir, id) {
			continue
		}
		size += min(r.OutputBytes, r.LogLimit)
		if len(ids)-i > most || size > bytes || epoch(now)-r.EndedAt > keep.Seconds() {
			j.delete(r)
		}
	}
}

func (j *Jobs) delete(r Record) {
	l, err := openLog(j.dir, r.ID, r.LogLimit)
	if err != nil {
		return
	}
	for _, p := range l.pieces {
		removeFile(p.path)
	}
	removeFile(file(j.dir, r.ID, ".json"))
	removeFile(file(j.dir, r.ID, ".lock"))
}

// Peek returns a run as it is on record, and whether it goes on. It settles nothing.
func (j *Jobs) Peek(id string) (r Record, going bool) {
	r, err := readRecord(j.dir, id)
	return r, err == nil && !r.Over() && held(j.dir, id)
}
