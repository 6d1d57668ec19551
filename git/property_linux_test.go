package git

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"wt-mcp/git/gittest"
)

// garden is a worktree in which things grow at random.
type garden struct {
	t    *testing.T
	rng  *rand.Rand
	g    *gittest.Repo
	r    *Repo
	path string
	grew []string
	shut map[string]os.FileMode // directories that were closed in the end
	n    int
}

// Invariants 7 and 12, judged from outside: whatever lies in a worktree, after a removal
// with or without force and its undoing all of it is where it was or where the answer
// says, on one file system and on two. WT_MCP_TREES says how many trees are tried, and
// WT_MCP_SEED which is the first.
func TestInvariant7And12OfAnyTree(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	trees, seed := number("WT_MCP_TREES", 10), number("WT_MCP_SEED", 1)
	for i := range trees {
		t.Run(fmt.Sprint("seed ", seed+i), func(t *testing.T) {
			t.Parallel()
			plant(t, uint64(seed+i)).harvest()
		})
	}
}

func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

func plant(t *testing.T, seed uint64) *garden {
	w := &garden{t: t, rng: rand.New(rand.NewPCG(seed, 0)), shut: map[string]os.FileMode{}}
	w.g = gittest.NewRepo(t)
	for i := range 6 {
		w.g.Write(fmt.Sprintf("src/%d/file", i%3+i), fmt.Sprint("tracked ", i))
	}
	w.g.Write(".gitignore", "*.ignored\nbuild/\n")
	w.g.Commit("files")
	w.r = mustOpen(t, w.g.Dir)
	w.path = w.place()
	w.g.Git("worktree", "add", "-q", "-b", "lane", w.path)
	kinds := slices.Sorted(maps.Keys(w.plants()))
	for range w.rng.IntN(6) {
		kind := kinds[w.rng.IntN(len(kinds))]
		w.grew = append(w.grew, kind)
		require.NoError(t, w.plants()[kind](), kind)
	}
	t.Log(w.path, w.grew)
	return w
}

// place is where a worktree may be, on this file system or on another one.
func (w *garden) place() string {
	w.n++
	name := fmt.Sprint("lane", w.n)
	if w.rng.IntN(2) == 0 {
		return filepath.Join(w.g.Dir, ".worktrees", name)
	}
	dir, err := os.MkdirTemp("/dev/shm", "wt-mcp-test-*")
	if err != nil {
		return filepath.Join(w.g.Dir, ".worktrees", name)
	}
	w.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, name)
}

// at is a path in the worktree that nothing is at yet.
func (w *garden) at(tail string) string {
	w.n++
	dirs := []string{"", "new/", "src/3/", "build/", "new/deep/er/"}
	return filepath.Join(w.path, dirs[w.rng.IntN(len(dirs))], fmt.Sprint("plant", w.n)+tail)
}

func (w *garden) write(tail string) (string, error) {
	name := w.at(tail)
	return name, errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, fmt.Append(nil, "only copy ", w.n), 0o644))
}

func (w *garden) tracked() string {
	return fmt.Sprintf("src/%d/file", []int{0, 2, 4, 3, 5, 7}[w.rng.IntN(6)])
}

// flagged changes a tracked file that git was told to overlook.
func (w *garden) flagged(flag string) error {
	file := w.tracked()
	if _, err := w.g.Try("-C", w.path, "update-index", flag, file); err != nil {
		return nil // it was taken out of the index
	}
	if w.rng.IntN(3) == 0 {
		return os.RemoveAll(filepath.Join(w.path, file))
	}
	w.n++
	name := filepath.Join(w.path, file)
	return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, fmt.Append(nil, "only copy ", w.n), 0o644))
}

func (w *garden) node(kind uint32) error {
	name := w.at("")
	return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), unix.Mknod(name, kind|0o600, 0))
}

func (w *garden) plants() map[string]func() error {
	untracked := func(tail string) func() error { return func() error { _, err := w.write(tail); return err } }
	return map[string]func() error{
		"untracked": untracked(""),
		"ignored":   untracked(".ignored"),
		"changed": func() error {
			w.n++
			name := filepath.Join(w.path, w.tracked())
			return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, fmt.Append(nil, "only copy ", w.n), 0o755))
		},
		"deleted": func() error { return os.RemoveAll(filepath.Join(w.path, w.tracked())) },
		"staged": func() error {
			name, err := w.write("")
			if err == nil {
				_, err = w.g.Try("-C", w.path, "add", "-f", name)
			}
			return err
		},
		"assume-unchanged": func() error { return w.flagged("--assume-unchanged") },
		"skip-worktree":    func() error { return w.flagged("--skip-worktree") },
		"too long": func() error {
			w.n++
			gittest.WriteDeep(w.t, w.path, fmt.Sprint("deep", w.n), fmt.Sprint("only copy ", w.n))
			return nil
		},
		"closed":    func() error { return w.closed(0) },
		"read-only": func() error { return w.closed(0o500) },
		"holes": func() error {
			name, err := w.write(".ignored")
			return errors.Join(err, os.Truncate(name, 16<<20))
		},
		"pipe":   func() error { return w.node(unix.S_IFIFO) },
		"socket": func() error { return w.node(unix.S_IFSOCK) },
		"link": func() error {
			name := w.at("")
			return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.Symlink("../nowhere", name))
		},
		"two names": func() error {
			name, err := w.write("")
			return errors.Join(err, os.Link(name, name+"-too"))
		},
		"empty directory": func() error { return os.MkdirAll(w.at(""), 0o755) },
		"no repository": func() error {
			name := filepath.Join(w.at(""), ".git", "work")
			return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("only copy"), 0o644))
		},
		"repository": func() error { gittest.NewRepo(w.t, gittest.At(w.at(""))); return nil },
		"in a submodule that is not there": func() error {
			w.n++
			sub := fmt.Sprint("sub", w.n)
			_, err := w.g.Try("-C", w.path, "update-index", "--add", "--cacheinfo", "160000,"+w.g.Head()+","+sub)
			name := filepath.Join(w.path, sub, "work")
			return errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("only copy"), 0o644))
		},
	}
}

// closed makes a directory with something in it, to be closed when all has grown.
func (w *garden) closed(mode os.FileMode) error {
	dir := w.at("")
	w.shut[strings.TrimPrefix(dir, w.path)] = mode
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "work"), []byte("only copy"), 0o644))
}

func (w *garden) shutAll(path string) {
	for dir, mode := range w.shut {
		_ = os.Chmod(path+dir, mode)
	}
}

// see is all that lies at a path, by an own walk along open directories.
func (w *garden) see(path string) map[string]string {
	w.t.Helper()
	for dir := range w.shut {
		_ = os.Chmod(path+dir, 0o755)
	}
	defer w.shutAll(path)
	seen := map[string]string{}
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return seen
	}
	require.NoError(w.t, err)
	defer root.Close()
	require.NoError(w.t, list(root, "", seen))
	delete(seen, "/.git")
	return seen
}

func list(dir *os.Root, path string, seen map[string]string) error {
	file, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer file.Close()
	names, err := file.Readdirnames(-1)
	for _, name := range names {
		info, e := dir.Lstat(name)
		if e != nil {
			return e
		}
		at, what := path+"/"+name, info.Mode().String()
		switch {
		case strings.HasPrefix(name, "churn"):
			continue
		case info.IsDir():
			below, e := dir.OpenRoot(name)
			if e != nil {
				return e
			}
			err = errors.Join(err, list(below, at, seen), below.Close())
		case info.Mode().IsRegular():
			content, e := dir.Open(name)
			if e != nil {
				return e
			}
			sum := fnv.New64a()
			n, e := io.Copy(sum, content)
			what += fmt.Sprint(" ", n, " ", sum.Sum64())
			err = errors.Join(err, e, content.Close())
		case info.Mode().Type() == fs.ModeSymlink:
			target, e := dir.Readlink(name)
			what, err = what+" "+target, errors.Join(err, e)
		}
		seen[at] = what
	}
	return err
}

// harvest removes and restores, with and without force, and looks.
func (w *garden) harvest() {
	t := w.t
	w.shutAll(w.path)
	before := w.see(w.path)
	flags := w.g.GitIn(w.path, "ls-files", "--stage", "-v")
	for i, force := range []bool{false, true} {
		stop := func() {}
		if w.rng.IntN(2) == 0 {
			stop = w.churn(w.path)
		}
		rm := Remove{Path: w.path, Op: fmt.Sprint("rm", i), Force: force}
		trash, err := w.r.RemoveWorktree(t.Context(), rm)
		stop()
		if err != nil {
			require.False(t, force, "%v", err)
			_, whole := Refusals(err)
			require.True(t, whole, "%v", err)
			require.Equal(t, before, w.see(w.path))
			continue
		}
		require.NoDirExists(t, w.path)
		if !trash.Precious {
			require.NoError(t, w.r.EmptyTrash(t.Context(), trash))
		}
		to := w.place()
		out, err := w.r.RestoreWorktree(t.Context(), Restore{Snapshot: rm.Op, Path: to, Branch: fmt.Sprint("back", i), Op: fmt.Sprint("back", i)})
		require.NoError(t, err)
		w.compare(before, w.see(to), trash, out)
		require.Equal(t, flags, w.g.GitIn(to, "ls-files", "--stage", "-v"))
		w.path = to
		w.shutAll(to)
		if !out.FromTrash {
			before = w.see(to)
		}
	}
	require.NoError(t, w.r.SweepTrash(t.Context(), filepath.Dir(w.path), Keep{Before: time.Now().Add(time.Hour)}))
	left, _ := os.ReadDir(filepath.Join(w.g.Dir, ".git", dirName, "trash"))
	require.Empty(t, left, "all of the trash can be deleted in the end")
	require.Equal(t, before, w.see(w.path))
	for dir := range w.shut { // for the test's own tidying
		_ = os.Chmod(w.path+dir, 0o755)
	}
}

// compare requires that all that was there is there, or where the answer says.
func (w *garden) compare(before, after map[string]string, trash Trash, out Restored) {
	if out.FromTrash {
		require.Equal(w.t, before, after)
		return
	}
	left := w.see(trash.Files)
	for path, what := range before {
		if after[path] != what {
			require.Equal(w.t, what, left[path], "%s is in neither; %v", path, out.Notes)
			require.Contains(w.t, strings.Join(out.Notes, "\n"), trash.Files)
		}
	}
}

// churn makes files come and go until it is stopped.
func (w *garden) churn(path string) (stop func()) {
	dir, err := os.OpenRoot(path)
	require.NoError(w.t, err)
	end, group := make(chan struct{}), sync.WaitGroup{}
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			default:
			}
			name := fmt.Sprint("churn", i%7)
			_ = dir.WriteFile(name, []byte("x"), 0o644)
			_ = dir.Remove(name)
		}
	})
	return func() { close(end); group.Wait(); dir.Close() }
}
