package files

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/afero"
	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

var crashLong = flag.Bool("crash.long", false, "enumerate crash states of whole chains of processes (minutes)")

// free is a lock that nobody else wants: one process lives at a time here.
type free struct{}

func (free) Lock(context.Context) (func(), error) { return func() {}, nil }

// openCrash starts a process on the disk. boot names the machine's boot.
func openCrash(fs afero.Fs, boot string) *Store {
	s := Open(Config{FS: fs, Root: "/r", Private: "/r/.git/wt-mcp", Locker: free{}, Boot: boot, Holder: "test",
		Now: func() time.Time { return time.Unix(1700000000, 0) }})
	s.capacity, s.logLimit = 8<<10, 300
	s.spawn = func(f func()) { f() }
	return s
}

// action is one call of a client. A checkpoint changes nothing that a client sees.
type action struct {
	name string
	do   func(s *Store) error
}

func update(name string, fn func(tx *state.Tx) error) action {
	return action{name, func(s *Store) error { return s.Update(context.Background(), fn) }}
}

func creating(subject string) action {
	return update("create "+subject, func(tx *state.Tx) error {
		t := tx.CreateTask(state.Task{Subject: subject, Status: state.Pending, Priority: state.DefaultPriority})
		tx.Emit(state.Event{Event: "task.created", Task: state.Fields{"id": t.ID}})
		return nil
	})
}

func noting(id int, text string) action {
	return update("note "+text, func(tx *state.Tx) error {
		t, err := tx.Task(id)
		if err != nil {
			return err
		}
		t.Notes = append(t.Notes, state.Note{At: tx.At(), Text: text})
		tx.PutTask(t)
		tx.Emit(state.Event{Event: "task.updated", Task: state.Fields{"id": id}})
		return nil
	})
}

func binding(id int, name string) action {
	return update("bind "+name, func(tx *state.Tx) error {
		t, err := tx.Task(id)
		if err != nil {
			return err
		}
		t.Status, t.Worktree = state.InProgress, name
		tx.PutTask(t)
		tx.PutWorktree(state.Worktree{Name: name, Path: "/r/.worktrees/" + name, Branch: "wt/" + name, Status: state.Active, TaskID: &id})
		tx.Emit(state.Event{Event: "worktree.create.before", Worktree: state.Fields{"name": name}})
		tx.Emit(state.Event{Event: "worktree.create.after", Worktree: state.Fields{"name": name}})
		return nil
	})
}

func checkpointing() action {
	return action{"checkpoint", func(s *Store) error { return s.Checkpoint(context.Background()) }}
}

func crashScript() []action {
	return []action{creating("a"), creating("b"), binding(1, "w"), noting(1, "n1"), checkpointing(),
		creating("c"), noting(1, "n2"), checkpointing(), noting(2, "n3"), binding(2, "x")}
}

// seen is the board as a client sees it, in a form to compare.
func seen(s *Store) (out string, err error) {
	err = s.View(context.Background(), func(v *state.View) error {
		tasks, err := wholeTasks(v)
		if err != nil {
			return err
		}
		trees, err := v.Worktrees()
		if err != nil {
			return err
		}
		events, last, err := everyEvent(s, v)
		if err != nil {
			return err
		}
		data, err := json.Marshal(map[string]any{"tasks": tasks, "trees": trees, "events": events, "last": last})
		out = string(data)
		return err
	})
	return out, err
}

// wholeTasks reads every task from its file, and holds the summaries against them.
func wholeTasks(v *state.View) (tasks []state.Task, err error) {
	index, err := v.Tasks()
	if err != nil || len(index.Problems) > 0 {
		return nil, fmt.Errorf("tasks: %v %v", err, index)
	}
	for _, s := range index.All {
		t, err := v.Task(s.ID)
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		if again := state.ReadTaskFile(t.ID, "", data).Task; !reflect.DeepEqual(s, again) {
			return nil, fmt.Errorf("the index has %+v, the file %+v", s, again)
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// everyEvent reads the log and those that it goes on from.
func everyEvent(s *Store, v *state.View) (events []state.Event, last int64, err error) {
	p, err := v.ReadLog(state.EventQuery{Limit: 1000, After: new(int64)})
	if err != nil {
		return nil, 0, err
	}
	for events = p.Events; p.Missed != nil && p.Missed.File != ""; {
		data, err := s.readFile(s.abs(state.WorktreesDir+"/"+p.Missed.File), 1<<20)
		if err != nil {
			return nil, 0, fmt.Errorf("events %d to %d: %w", p.Missed.From, p.Missed.To, err)
		}
		p.Missed = nil
		var older []state.Event
		for _, line := range splitLines(data) {
			e, _ := state.ParseEvent(line)
			if c, ok := continues(e); ok {
				p.Missed = &state.Missed{From: 1, To: c.AfterSeq, File: c.File}
				continue
			}
			older = append(older, e)
		}
		events = append(older, events...)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			return nil, 0, fmt.Errorf("event %d has seq %d", i+1, e.Seq)
		}
	}
	return events, p.LastSeq, nil
}

// model is the board after each prefix of the script, in a world without crashes.
func model(t *testing.T, script []action) []string {
	fs := newCrashFS()
	s := openCrash(fs, "boot")
	states := []string{must(t, s)}
	for _, a := range script {
		require.NoError(t, a.do(s), a.name)
		states = append(states, must(t, s))
	}
	return states
}

func must(t *testing.T, s *Store) string {
	t.Helper()
	out, err := seen(s)
	require.NoError(t, err)
	return out
}

// fault is the disk's or the program's part in a crash; the zero value is the
// product as it is on a disk that behaves.
type fault struct {
	name string
	wrap func(*crashFS) afero.Fs
	sync func(s *Store)
}

func (f fault) open(fs *crashFS, boot string) *Store {
	var seam afero.Fs = fs
	if f.wrap != nil {
		seam = f.wrap(fs)
	}
	s := openCrash(seam, boot)
	if f.sync != nil {
		f.sync(s)
	}
	return s
}

// enumeration visits every crash of a script and reports what it breaks.
type enumeration struct {
	fault  fault
	script []action
	states []string                     // by number of finished actions
	then   map[string]map[string]string // the board after one more task of that name
	count  int
	broken []string
	limit  int // violations to collect
}

// run kills the process at each call that changes the disk, in each way, and
// hands what is left to check.
func (e *enumeration) run(deep bool) {
	for at := 1; ; at++ {
		for _, how := range []death{diesBefore, diesWithin, diesAfter} {
			fs := newCrashFS()
			fs.dieAt, fs.how = at, how
			acked := e.play(fs)
			if !fs.dead {
				return
			}
			where := fmt.Sprintf("call %d/%d in %q", at, how, e.script[acked].name)
			allowed := []string{e.states[acked], e.states[acked+1]}
			e.next(fs.killed(), "boot", allowed, where+" kill", deep)
			fs.powerCuts(func(disk *crashFS) {
				e.next(disk, "boot2", allowed, where+" power", deep && (*crashLong || e.count%64 == 0))
			})
			if len(e.broken) >= e.limit {
				return
			}
		}
	}
}

// play runs the script until the process dies, and returns how many actions
// were acknowledged.
func (e *enumeration) play(fs *crashFS) int {
	s := e.fault.open(fs, "boot")
	for i, a := range e.script {
		if err := a.do(s); err != nil || fs.dead {
			return i
		}
	}
	return len(e.script)
}

// next checks the disk that one crash left. Where deep is set a second process
// comes, which recovers and makes a change of its own, and dies as well.
func (e *enumeration) next(disk *crashFS, boot string, allowed []string, where string, deep bool) {
	e.check(disk.killed(), boot, allowed, where)
	if !deep {
		return
	}
	for _, state := range allowed {
		allowed = append(allowed, e.then["y"][state])
	}
	for at := 1; ; at++ {
		second := disk.killed()
		second.dieAt, second.how = at, death(at%3)
		_ = creating("y").do(e.fault.open(second, boot))
		if !second.dead {
			return
		}
		there := fmt.Sprintf("%s, then call %d of the next process", where, at)
		e.check(second.killed(), boot, allowed, there+" kill")
		if *crashLong {
			second.powerCuts(func(cut *crashFS) { e.check(cut, boot+"+", allowed, there+" power") })
		}
	}
}

// check starts a process on the disk: it must see all that was acknowledged, and
// of the action that died all or nothing; and it must be able to go on.
func (e *enumeration) check(disk *crashFS, boot string, allowed []string, where string) {
	e.count++
	if err := e.verify(disk, boot, allowed); err != nil && len(e.broken) < e.limit {
		e.broken = append(e.broken, where+": "+err.Error())
	}
}

func (e *enumeration) verify(disk *crashFS, boot string, allowed []string) error {
	s := e.fault.open(disk, boot)
	before, err := seen(s)
	if err != nil {
		return err
	}
	if !slices.Contains(allowed, before) {
		return fmt.Errorf("the board is neither before nor after:\n%s\n%s", before, strings.Join(allowed, "\n"))
	}
	if err := creating("z").do(s); err != nil {
		return err
	}
	if now, err := seen(s); err != nil || now != e.then["z"][before] {
		return fmt.Errorf("going on gives (%v)\n%s\nnot\n%s", err, now, e.then["z"][before])
	}
	return soundFiles(disk)
}

// soundFiles reads the files as a program without our code would.
func soundFiles(disk *crashFS) error {
	for name, node := range disk.files {
		switch {
		case strings.HasSuffix(name, ".json") && !json.Valid(node.data):
			return fmt.Errorf("%s is torn: %q", name, node.data)
		case strings.HasSuffix(name, ".jsonl") && filepath.Base(filepath.Dir(name)) == state.WorktreesDir:
			if err := soundLog(string(node.data)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// soundLog checks that the numbers of a log have no gap.
func soundLog(data string) error {
	var want int64 = 1
	for i, line := range strings.Split(strings.TrimSuffix(data, "\n"), "\n") {
		var e struct {
			Seq   int64
			After int64 `json:"after_seq"`
		}
		err := json.Unmarshal([]byte(line), &e)
		if i == 0 && e.After > 0 {
			e.Seq, want = e.After, e.After
		}
		if err != nil || e.Seq != want {
			return fmt.Errorf("event log: want seq %d, got %q", want, line)
		}
		want++
	}
	return nil
}

func enumerate(t *testing.T, f fault, limit int, deep bool) *enumeration {
	script := crashScript()
	e := &enumeration{fault: f, script: script, states: model(t, script), limit: limit,
		then: map[string]map[string]string{"y": {}, "z": {}}}
	for i := range e.states {
		prefix := slices.Clone(script[:i])
		y, z := creating("y"), creating("z")
		e.then["z"][e.states[i]] = last(model(t, append(prefix, z)))
		withY := last(model(t, append(prefix, y)))
		e.then["y"][e.states[i]] = withY
		e.then["z"][withY] = last(model(t, append(prefix, y, z)))
	}
	e.states = append(e.states, last(e.states))
	e.run(deep)
	return e
}

func last(states []string) string { return states[len(states)-1] }

// TestInvariants1To4Crash kills a process at every change of the disk, and cuts the
// power there in every way the disk model has; then kills the process that
// recovers at every change it makes.
func TestInvariants1To4Crash(t *testing.T) {
	oneGoroutine(t)
	t.Parallel()
	e := enumerate(t, fault{}, 3, true)
	require.Empty(t, e.broken)
	t.Logf("%d states", e.count)
}

// TestCrashTestFindsBugs proves that the enumeration can fail: each of these bugs
// is one that a store like this has had somewhere.
func TestCrashTestFindsBugs(t *testing.T) {
	oneGoroutine(t)
	for _, f := range []fault{
		{name: "no flush of the journal", sync: skipping(func(name string) bool { return filepath.Base(name) == journalName })},
		{name: "no flush of files at a checkpoint", sync: skipping(func(name string) bool { return strings.HasSuffix(name, ".json") })},
		{name: "no flush of directories at a checkpoint", sync: skipping(func(name string) bool {
			return strings.HasPrefix(filepath.Base(name), ".") && filepath.Ext(name) == filepath.Base(name)
		})},
		{name: "journal cut before the files are flushed", sync: cutFirst},
		{name: "torn end of the event log not seen", wrap: func(c *crashFS) afero.Fs { return wholeLines{c} }},
		{name: "marker not dirty before the first change", wrap: func(c *crashFS) afero.Fs { return alwaysClean{c} }},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			e := enumerate(t, f, 1, false)
			require.NotEmpty(t, e.broken, "%d states and none of them wrong", e.count)
			t.Logf("found after %d states: %.200s", e.count, e.broken[0])
		})
	}
}

func oneGoroutine(t *testing.T) {
	if underRace {
		t.Skip("runs in one goroutine: go test without -race covers it")
	}
}

func skipping(skip func(name string) bool) func(*Store) {
	return func(s *Store) {
		s.sync = func(f afero.File) error {
			if skip(f.Name()) {
				return nil
			}
			return f.Sync()
		}
	}
}

// cutFirst begins the journal's next generation before the files are flushed.
func cutFirst(s *Store) {
	var late []afero.File
	s.sync = func(f afero.File) error {
		if !strings.HasPrefix(f.Name(), "/r/.git/") {
			late = append(late, f)
			return nil
		}
		err := f.Sync()
		if filepath.Base(f.Name()) != journalName {
			return err
		}
		for _, l := range late {
			_ = l.Sync()
		}
		late = nil
		return err
	}
}

// wholeLines hides the unterminated end of the event log from who reads it.
type wholeLines struct{ *crashFS }

func (w wholeLines) OpenFile(name string, flag int, mode os.FileMode) (afero.File, error) {
	f, err := w.crashFS.OpenFile(name, flag, mode)
	if err != nil || filepath.Base(name) != "events.jsonl" {
		return f, err
	}
	return hidingFile{f.(*crashFile)}, nil
}

func (w wholeLines) Open(name string) (afero.File, error) { return w.OpenFile(name, os.O_RDONLY, 0) }

func (w wholeLines) Stat(name string) (os.FileInfo, error) {
	i, err := w.crashFS.Stat(name)
	if err == nil && filepath.Base(name) == "events.jsonl" {
		return info{name: name, size: wholeSize(w.files[name].data)}, nil
	}
	return i, err
}

func wholeSize(data []byte) int64 { return int64(strings.LastIndexByte(string(data), '\n') + 1) }

type hidingFile struct{ *crashFile }

func (f hidingFile) Stat() (os.FileInfo, error) {
	return info{name: f.name, size: wholeSize(f.node.data)}, nil
}

func (f hidingFile) ReadAt(p []byte, off int64) (int, error) {
	if left := max(0, wholeSize(f.node.data)-off); int64(len(p)) > left {
		n, _ := f.crashFile.ReadAt(p[:left], off)
		return n, io.EOF
	}
	return f.crashFile.ReadAt(p, off)
}

// alwaysClean never lets a marker say that it is dirty.
type alwaysClean struct{ *crashFS }

func (a alwaysClean) OpenFile(name string, flag int, mode os.FileMode) (afero.File, error) {
	f, err := a.crashFS.OpenFile(name, flag, mode)
	if err != nil || filepath.Base(name) != markerName {
		return f, err
	}
	return cleanFile{f.(*crashFile)}, nil
}

type cleanFile struct{ *crashFile }

func (f cleanFile) WriteAt(p []byte, off int64) (int, error) {
	if m, ok := parseMarker(p); ok && !m.Clean {
		return len(p), nil
	}
	return f.crashFile.WriteAt(p, off)
}

// TestInvariant2FailedCall lets each call that changes the disk fail in turn, with
// an I/O error or a full disk that took half of the write. What was acknowledged
// stands, what was refused left nothing, and the next call works.
func TestInvariant2FailedCall(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for at := 1; ; at++ {
			fs := newCrashFS()
			fs.failAt, fs.failWith = at, cause
			s := openCrash(fs, "boot")
			var done []action
			for _, a := range crashScript() {
				if err := a.do(s); err == nil {
					done = append(done, a)
				} else if s.broken != nil {
					s = openCrash(fs, "boot")
					if must(t, s) != last(model(t, done)) {
						done = append(done, a) // the outcome was unknown, and it was done
					}
				} else {
					require.NoError(t, a.do(s), "again after %v at call %d in %s", cause, at, a.name)
					done = append(done, a)
				}
				require.JSONEq(t, last(model(t, done)), must(t, s), "%v at call %d in %s", cause, at, a.name)
			}
			require.NoError(t, soundFiles(fs))
			if fs.calls < at {
				break
			}
		}
	}
}
