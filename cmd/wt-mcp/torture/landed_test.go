//go:build linux

package torture_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dirt is what the user has open in the main checkout: modified, staged, both,
// untracked and ignored files.
type dirt struct {
	r      *repo
	files  map[string]string
	status string
	staged string
}

func (r *repo) dirty() *dirt {
	r.t.Helper()
	d := &dirt{r: r, files: map[string]string{
		"file0.txt": "modified\n", "file1.txt": "staged\n", "file2.txt": "staged first\n",
		"untracked.txt": "untracked\n", "new dir/untracked": "untracked too\n", "private.ignored": "ignored\n",
	}}
	exclude, err := os.OpenFile(r.path(".git", "info", "exclude"), os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(r.t, err)
	_, err = exclude.WriteString("*.ignored\n")
	require.NoError(r.t, err)
	require.NoError(r.t, exclude.Close())
	require.NoError(r.t, os.Mkdir(r.path("new dir"), 0o755))
	for name, content := range d.files {
		require.NoError(r.t, os.WriteFile(r.path(name), []byte(content), 0o644))
	}
	r.git("add", "file1.txt", "file2.txt")
	d.files["file2.txt"] = "and modified\n"
	require.NoError(r.t, os.WriteFile(r.path("file2.txt"), []byte("and modified\n"), 0o644))
	d.status, d.staged = d.look()
	return d
}

func (d *dirt) look() (status, staged string) {
	return d.r.git("--no-optional-locks", "status", "--porcelain", "-uall"), d.r.git("diff", "--cached")
}

// changed are the files that are not as the user left them, at any instant.
func (d *dirt) changed() (names []string) {
	for name, content := range d.files {
		if data, err := os.ReadFile(d.r.path(name)); err != nil || string(data) != content {
			names = append(names, name)
		}
	}
	return names
}

// faults is what of the user's is not as it was, once all is at rest; nothing else may
// be open there.
func (d *dirt) faults() (faults []string) {
	for _, name := range d.changed() {
		faults = append(faults, "the user's "+name+" is not as it was")
	}
	if status, staged := d.look(); status != d.status || staged != d.staged {
		faults = append(faults, "the checkout was open as\n"+d.status+"\nand is\n"+status)
	}
	return faults
}

// checkLandings: the branch, the records of landings, the events and the tasks tell the
// same of each lane. A lane has one commit and a task, both called like it; each call
// that lands it completes the task.
func (o *outside) checkLandings(target string, lanes []string) {
	on, recorded, told := map[string]int{}, map[string]int{}, map[string]int{}
	for subject := range strings.SplitSeq(o.r.git("log", "--no-merges", "--format=%s", target), "\n") {
		on[subject]++
	}
	for _, path := range o.r.glob(".git", "wt-mcp", "landings", "*.json") {
		var l struct{ Name, After string }
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &l)
		}
		if err != nil {
			o.fault("%s: %v", filepath.Base(path), err)
		}
		if _, err := o.r.tryGit("merge-base", "--is-ancestor", l.After, target); err != nil {
			o.fault("landing %s of %s is not in %s: %v", filepath.Base(path), l.Name, target, err)
		}
		recorded[l.Name]++
	}
	begun := map[string]int{}
	for _, e := range o.events {
		name, _ := e.Worktree["name"].(string)
		switch e.Event {
		case "worktree.merge.before":
			begun[name]++
		case "worktree.merge.after":
			told[name]++
			begun[name]--
		case "worktree.merge.failed":
			begun[name]--
		}
	}
	done := map[string]bool{}
	for _, t := range o.tasks {
		done[t.Subject] = t.Status == "completed"
	}
	for _, name := range lanes {
		if n := on[name]; n > 1 || recorded[name] != n || told[name] != n || done[name] != (n == 1) || begun[name] != 0 {
			o.fault("%s is %d times on %s, recorded %d times, told %d times, its task completed: %v, landings not ended: %d",
				name, n, target, recorded[name], told[name], done[name], begun[name])
		}
	}
}

// fsck asks git whether all objects and refs are whole.
func (o *outside) fsck() {
	if _, err := o.r.tryGit("fsck", "--no-dangling", "--no-progress"); err != nil {
		o.fault("%v", err)
	}
}

// work makes a lane with a task, both with this name, and a commit of some files in it.
func (r *repo) work(s *server, name string) {
	r.t.Helper()
	id := as[task](s.must(r.t, "task_create", args{"subject": name})).ID
	s.must(r.t, "worktree_create", args{"name": name, "task_id": id})
	require.NoError(r.t, r.commitIn(name))
}

// commitIn commits what is to land: new files, one in a directory, and one that all change
// at another line.
func (r *repo) commitIn(name string) error {
	dir := r.path(".worktrees", name)
	for _, file := range []string{name + ".txt", filepath.Join("of", name, "more.txt")} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.Repeat(name+"\n", 500)), 0o644); err != nil {
			return err
		}
	}
	if _, err := r.tryGit("-C", dir, "add", "-A"); err != nil {
		return err
	}
	_, err := r.tryGit("-C", dir, "commit", "-q", "-m", name)
	return err
}

// requireDirt fails the test where the user's files are not as they were.
func (d *dirt) require(t *testing.T) {
	t.Helper()
	require.Empty(t, d.faults())
}
