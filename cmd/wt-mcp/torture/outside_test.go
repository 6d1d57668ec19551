//go:build linux

package torture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// outside is the board as files and git show it to anybody.
type outside struct {
	r        *repo
	tasks    map[int]task
	entries  []entry
	events   []event
	trees    []tree
	branches map[string]string // wt/* only
	faults   []string
	litter   []string // files in ops that belong to no operation
}

type task struct {
	ID                               int
	Subject, Status, Owner, Worktree string
	Notes                            []struct{ Text string }
	Version                          int
}

type entry struct {
	Name, Path, Branch, Status string
	TaskID                     *int `json:"task_id"`
}

func (e entry) live() bool { return e.Status == "active" || e.Status == "kept" }

type event struct {
	Event          string
	Seq            int64
	Error          string
	Task, Worktree map[string]any
	Detail         struct{ Note string }
}

// tree is a worktree as git lists it.
type tree struct {
	path, branch string
	locked       bool
}

func (o *outside) fault(format string, a ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, a...))
}

// look reads everything; what cannot be read is a fault.
func (r *repo) look() *outside {
	r.t.Helper()
	o := &outside{r: r, tasks: map[int]task{}, branches: map[string]string{}}
	o.readTasks()
	o.readIndex()
	o.readEvents()
	o.readGit()
	return o
}

var taskFile = regexp.MustCompile(`^task_([1-9][0-9]*)\.json$`)

func (o *outside) readTasks() {
	files, err := os.ReadDir(o.r.path(".tasks"))
	if err != nil && !os.IsNotExist(err) {
		o.fault("read tasks: %v", err)
	}
	for _, f := range files {
		m := taskFile.FindStringSubmatch(f.Name())
		if m == nil {
			if !isTemporary(f.Name()) {
				o.fault(".tasks has %s", f.Name())
			}
			continue
		}
		data, err := os.ReadFile(o.r.path(".tasks", f.Name()))
		var t task
		if err == nil {
			err = json.Unmarshal(data, &t)
		}
		if err != nil {
			o.fault("%s: %v: %.100q", f.Name(), err, data)
			continue
		}
		if id, _ := strconv.Atoi(m[1]); id != t.ID || t.Version < 1 {
			o.fault("%s has id %d, version %d", f.Name(), t.ID, t.Version)
		}
		o.tasks[t.ID] = t
	}
}

// isTemporary tells the new content of a file that has not got its name yet;
// no reader looks at it, and the next change of that file overwrites it.
func isTemporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp")
}

func (o *outside) readIndex() {
	data, err := os.ReadFile(o.r.path(".worktrees", "index.json"))
	if os.IsNotExist(err) {
		return
	}
	var x struct{ Worktrees []entry }
	if err == nil {
		err = json.Unmarshal(data, &x)
	}
	if err != nil {
		o.fault("index.json: %v", err)
	}
	o.entries = x.Worktrees
}

func (o *outside) readEvents() {
	data, err := os.ReadFile(o.r.path(".worktrees", "events.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		o.fault("events: %v", err)
	}
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		o.fault("the event log ends without a newline")
	}
	for i, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		var e event
		if len(data) == 0 {
			return
		}
		if err := json.Unmarshal(line, &e); err != nil || e.Event == "" {
			o.fault("event line %d: %v: %.100q", i+1, err, line)
			continue
		}
		o.events = append(o.events, e)
	}
}

func (o *outside) readGit() {
	list, err := o.r.tryGit("worktree", "list", "--porcelain")
	if err != nil {
		o.fault("%v", err)
		return
	}
	for _, block := range strings.Split(list, "\n\n") {
		var t tree
		for _, line := range strings.Split(block, "\n") {
			key, value, _ := strings.Cut(line, " ")
			switch key {
			case "worktree":
				t.path = value
			case "branch":
				t.branch = strings.TrimPrefix(value, "refs/heads/")
			case "locked":
				t.locked = true
			}
		}
		if t.path != "" && t.path != o.r.dir {
			o.trees = append(o.trees, t)
		}
	}
	refs, err := o.r.tryGit("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/wt/")
	if err != nil {
		o.fault("%v", err)
	}
	for _, line := range strings.Split(refs, "\n") {
		if name, oid, ok := strings.Cut(line, " "); ok {
			o.branches[name] = oid
		}
	}
}

// check holds what was read to the invariants of the design.
func (o *outside) check() []string {
	o.checkEvents()
	o.checkHistories()
	o.checkRegistry()
	o.checkBranches()
	o.checkBindings()
	o.checkLeftovers()
	return o.faults
}

// checkEvents: numbers without a gap, in order; tasks and their events agree.
func (o *outside) checkEvents() {
	want := int64(0)
	created := map[int]int{}
	notes := map[string]int{}
	for _, e := range o.events {
		if e.Seq == 0 {
			continue // another program's
		}
		if want++; e.Seq != want {
			o.fault("event %d stands where %d belongs", e.Seq, want)
			want = e.Seq
		}
		id, _ := e.Task["id"].(float64)
		switch {
		case e.Event == "task.created":
			created[int(id)]++
		case e.Detail.Note != "":
			notes[e.Detail.Note]++
		case slices.Contains([]string{"recovery.lost", "recovery.moved", "recovery.conflict", "recovery.unreadable", "recovery.index", "recovery.journal"}, e.Event):
			o.fault("event %d is %s, but nobody else touched the board: %v", e.Seq, e.Event, e.Worktree)
		}
	}
	for id, t := range o.tasks {
		if created[id] != 1 {
			o.fault("task %d has %d events of its creation", id, created[id])
		}
		delete(created, id)
		for _, n := range t.Notes {
			if notes[n.Text] != 1 {
				o.fault("note %q of task %d has %d events", n.Text, id, notes[n.Text])
			}
			delete(notes, n.Text)
		}
	}
	for id := range created {
		o.fault("task %d has an event of its creation and no file", id)
	}
	for note := range notes {
		o.fault("note %q has an event and is on no task", note)
	}
}

// checkHistories: what was begun with a worktree has ended, and creations and
// removals of a name take turns.
func (o *outside) checkHistories() {
	begun := map[string]string{}
	there := map[string]bool{}
	for _, e := range o.events {
		name, _ := e.Worktree["name"].(string)
		rest, ok := strings.CutPrefix(e.Event, "worktree.")
		kind, phase, ok2 := strings.Cut(rest, ".")
		if (rest == "restore" || rest == "adopt") && e.Error == "" {
			if there[name] {
				o.fault("event %d: %s of %s, which was there", e.Seq, rest, name)
			}
			there[name] = true
		}
		if !ok || !ok2 || e.Seq == 0 || kind != "create" && kind != "remove" {
			continue
		}
		if phase == "before" {
			if begun[name] != "" {
				o.fault("event %d: %s of %s began while its %s went on", e.Seq, kind, name, begun[name])
			}
			begun[name] = kind
			continue
		}
		if begun[name] != kind {
			o.fault("event %d: %s of %s ended without having begun", e.Seq, kind, name)
		}
		begun[name] = ""
		if phase == "after" {
			if there[name] == (kind == "create") {
				o.fault("event %d: %s of %s twice", e.Seq, kind, name)
			}
			there[name] = kind == "create"
		}
	}
	for name, kind := range begun {
		if kind != "" {
			o.fault("%s of %s has not ended", kind, name)
		}
	}
	for _, e := range o.entries {
		if e.live() != there[e.Name] {
			o.fault("worktree %s is %s on the registry, the event log says otherwise", e.Name, e.Status)
		}
	}
}

// checkRegistry: on the registry exactly when git has it there on that branch.
func (o *outside) checkRegistry() {
	live := map[string]entry{}
	names := map[string]int{}
	for _, e := range o.entries {
		if names[strings.ToLower(e.Name)]++; names[strings.ToLower(e.Name)] > 1 {
			o.fault("worktree %s has several entries", e.Name)
		}
		if e.live() {
			live[e.Path] = e
		}
	}
	inGit := map[string]bool{}
	for _, t := range o.trees {
		e, ok := live[t.path]
		inGit[t.path] = true
		switch {
		case !ok && o.ours(t):
			o.fault("git has %s on %s, the registry does not", t.path, t.branch)
		case ok && e.Branch != t.branch:
			o.fault("%s is on %s, the registry says %s", t.path, t.branch, e.Branch)
		case t.locked:
			o.fault("%s is still locked", t.path)
		}
		if _, err := os.Stat(filepath.Join(t.path, ".git")); err != nil {
			o.fault("git has %s, the disk does not: %v", t.path, err)
		}
	}
	for path, e := range live {
		if !inGit[path] {
			o.fault("the registry has %s (%s), git does not", e.Name, e.Status)
		}
	}
}

func (o *outside) ours(t tree) bool {
	return filepath.Dir(t.path) == o.r.path(".worktrees") || strings.HasPrefix(t.branch, "wt/")
}

// checkBranches: no branch of ours but those of live worktrees, and of removed
// ones for the commits that only they hold.
func (o *outside) checkBranches() {
	for branch := range o.branches {
		i := slices.IndexFunc(o.entries, func(e entry) bool { return e.Branch == branch })
		if i < 0 {
			o.fault("branch %s belongs to no worktree", branch)
			continue
		}
		if o.entries[i].live() {
			continue
		}
		own, err := o.r.tryGit("rev-list", "--count", "refs/heads/"+branch, "--not", "--exclude="+branch, "--branches", "--tags", "--remotes")
		if err != nil || own == "0" {
			o.fault("branch %s of a removed worktree has %s commits of its own %v", branch, own, err)
		}
	}
}

// checkBindings: a task and its worktree name each other.
func (o *outside) checkBindings() {
	for _, e := range o.entries {
		if e.live() && e.TaskID != nil && o.tasks[*e.TaskID].Worktree != e.Name {
			o.fault("worktree %s names task %d, which names %q", e.Name, *e.TaskID, o.tasks[*e.TaskID].Worktree)
		}
	}
	for _, t := range o.tasks {
		bound := func(e entry) bool { return e.live() && e.Name == t.Worktree && e.TaskID != nil && *e.TaskID == t.ID }
		if t.Worktree != "" && !slices.ContainsFunc(o.entries, bound) {
			o.fault("task %d names worktree %s, which does not name it", t.ID, t.Worktree)
		}
	}
}

// checkLeftovers: no unfinished operation, no lock file of git's, no directory
// without an entry.
func (o *outside) checkLeftovers() {
	ops, _ := filepath.Glob(o.r.path(".git", "wt-mcp", "ops", "*"))
	for _, name := range ops {
		if strings.HasSuffix(name, ".json") {
			o.fault("an operation is left: %s", filepath.Base(name))
		} else {
			o.litter = append(o.litter, filepath.Base(name))
		}
	}
	_ = filepath.WalkDir(o.r.path(".git"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case d.IsDir() && (path == o.r.path(".git", "wt-mcp") || d.Name() == "objects"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".lock") || d.Name() == "locked":
			o.fault("left in .git: %s", strings.TrimPrefix(path, o.r.path(".git")))
		}
		return nil
	})
	files, _ := os.ReadDir(o.r.path(".worktrees"))
	for _, f := range files {
		known := slices.ContainsFunc(o.entries, func(e entry) bool { return e.live() && e.Path == o.r.path(".worktrees", f.Name()) })
		if !known && f.Name() != "index.json" && f.Name() != "events.jsonl" && !(isTemporary(f.Name()) && !f.IsDir()) {
			o.fault("left in .worktrees: %s", f.Name())
		}
	}
	admin, _ := os.ReadDir(o.r.path(".git", "worktrees"))
	if len(admin) != len(o.trees) {
		o.fault("git has %d worktrees and %d administrative directories", len(o.trees), len(admin))
	}
}
