package files

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// ways are the ways in which a store learns of changes.
func ways() map[string]func(*Store) {
	return map[string]func(*Store){
		"told":             func(*Store) {},
		"looking":          func(s *Store) { s.noWatch = true },
		"more than it can": func(s *Store) { s.tasks.limit = 1 },
	}
}

func tasksOf(t testing.TB, s *Store) (tasks *state.Tasks) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), func(v *state.View) (err error) {
		tasks, err = v.Tasks()
		return err
	}))
	return tasks
}

// summaryOf is what the list has of a task.
func summaryOf(t testing.TB, task state.Task) *state.TaskSummary {
	data, err := json.Marshal(task)
	require.NoError(t, err)
	return state.ReadTaskFile(task.ID, "", data).Task
}

// requireFresh holds what the store has against the files.
func requireFresh(t *testing.T, s *Store, what string) {
	t.Helper()
	fresh := openBoard(s.Root())
	fresh.noWatch = true
	want, got := tasksOf(t, fresh), tasksOf(t, s)
	require.Equal(t, slices.Concat(want.All), slices.Concat(got.All), what)
	require.Equal(t, want.Problems, got.Problems, what)
	for id := range 20 {
		require.Equal(t, want.OpenBlockers([]int{id}), got.OpenBlockers([]int{id}), what)
	}
}

// vandal changes task files without us.
type vandal struct {
	t    *testing.T
	root string
	rand *rand.Rand
	mine *Store
	peer *Store
}

func (v *vandal) path() string {
	return filepath.Join(v.root, state.TasksDir, fmt.Sprintf("task_%d.json", 1+v.rand.IntN(12)))
}

func (v *vandal) content(path string) string {
	id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "task_"), ".json")
	return fmt.Sprintf(`{"id": %s, "subject": "by hand %03d", "status": "pending", "blockedBy": [%d], "x": 1}`, id, v.rand.IntN(1000), v.rand.IntN(9))
}

// act does one thing and says what.
func (v *vandal) act() string {
	dir := filepath.Join(v.root, state.TasksDir)
	path, other := v.path(), v.path()
	acts := []func() error{
		func() error { create(v.t, v.mine, "mine"); return nil },
		func() error { create(v.t, v.peer, "peer"); return nil },
		func() error { return v.note(v.mine) },
		func() error { return v.note(v.peer) },
		func() error { return os.WriteFile(path, []byte(v.content(path)), 0o644) },
		func() error { return os.WriteFile(path, []byte(v.content(path))[:v.rand.IntN(40)], 0o644) },
		func() error { return v.overwrite(path) },
		func() error { return os.Remove(path) },
		func() error { return os.Rename(path, other) },
		func() error { return os.Rename(path, path+".bak") },
		func() error { return os.Rename(path+".bak", path) },
		func() error { return os.Truncate(path, 0) },
		func() error { return os.Symlink(other, path) },
		func() error { return os.Mkdir(path, 0o755) },
		func() error { // a second name is noticed when the first one is next touched
			_ = os.Remove(dir + "/link")
			return errors.Join(os.Link(path, dir+"/link"), os.Chmod(path, 0o600))
		},
		func() error { return os.WriteFile(dir+"/link", []byte(v.content(path)), 0o644) },
		func() error { _ = os.RemoveAll(dir + ".old"); return os.Rename(dir, dir+".old") },
		func() error { return os.Rename(dir+".old", dir) },
		func() error { return os.RemoveAll(dir) },
		func() error { return os.MkdirAll(dir, 0o755) },
		func() error {
			return exec.Command("sh", "-c", `printf %s "$1" > "$2"`, "sh", v.content(path), path).Run()
		},
	}
	n := v.rand.IntN(len(acts))
	if n >= 16 && n <= 18 && v.rand.IntN(4) > 0 {
		n = 4
	}
	return fmt.Sprintf("act %d on %s: %v", n, filepath.Base(path), acts[n]())
}

// overwrite changes bytes in place, neither the size nor the name nor the inode.
func (v *vandal) overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(v.content(path)), 0)
	return fmt.Errorf("written %w, closed %w", err, f.Close())
}

func (v *vandal) note(s *Store) error {
	id := 1 + v.rand.IntN(12)
	return s.Update(context.Background(), func(tx *state.Tx) error {
		t, err := tx.Task(id)
		if err != nil {
			return err
		}
		t.Notes = append(t.Notes, state.Note{Text: fmt.Sprint(v.rand.IntN(1000))})
		t = tx.PutTask(t)
		staged, err := tx.Tasks()
		s, ok := staged.Find(id)
		require.True(v.t, ok)
		require.Equal(v.t, summaryOf(v.t, t), s, "what is staged is seen")
		return err
	})
}

// Whoever changes the files, and however, the next call has what they hold.
func TestIndexIsAsTheFiles(t *testing.T) {
	for name, way := range ways() {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				t.Parallel()
				s, root := newBoard(t)
				t.Cleanup(s.Close)
				way(s)
				peer := openBoard(root)
				t.Cleanup(peer.Close)
				v := &vandal{t: t, root: root, rand: rand.New(rand.NewPCG(seed, 1)), mine: s, peer: peer}
				for range 150 {
					did := v.act()
					for range v.rand.IntN(3) {
						did += "; " + v.act()
					}
					requireFresh(t, s, did)
				}
			})
		}
	}
}

// Goroutines read while a writer of this process and one of another write; each
// sees whole changes only, and what was there when it began.
func TestIndexBesideWriters(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, root := newBoard(t)
			t.Cleanup(s.Close)
			way(s)
			pair(t, s, 0)
			var writers, readers sync.WaitGroup
			for _, w := range []*Store{s, openBoard(root)} {
				writers.Go(func() {
					for n := range 40 {
						pair(t, w, n)
					}
				})
			}
			done := make(chan struct{})
			for range 3 {
				readers.Go(func() {
					for least := 0; ; {
						select {
						case <-done:
							return
						default:
						}
						tasks := tasksOf(t, s).All
						if len(tasks)%2 != 0 || len(tasks) < least || tasks[0].Subject != tasks[1].Subject {
							t.Errorf("half a change: %d tasks, %q, %q", len(tasks), tasks[0].Subject, tasks[1].Subject)
							return
						}
						least = len(tasks)
					}
				})
			}
			writers.Wait()
			close(done)
			readers.Wait()
			require.Len(t, tasksOf(t, s).All, 162)
			requireFresh(t, s, "the end")
		})
	}
}

// pair makes two tasks, and gives the first two of the board the same subject.
func pair(t *testing.T, s *Store, n int) {
	err := s.Update(context.Background(), func(tx *state.Tx) error {
		tx.CreateTask(state.Task{Subject: "a", Status: state.Pending})
		tx.CreateTask(state.Task{Subject: "b", Status: state.Pending})
		for id := 1; id <= 2; id++ {
			task, err := tx.Task(id)
			if err != nil {
				return err
			}
			task.Subject = fmt.Sprint(n)
			tx.PutTask(task)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A writer in place leaves a torn file for a moment; that must not stick.
func TestTornReadDoesNotStick(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			s, root := newBoard(t)
			t.Cleanup(s.Close)
			way(s)
			create(t, s, "one")
			path := filepath.Join(root, state.TaskKey(1))
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
			require.NoError(t, err)
			require.Len(t, tasksOf(t, s).Problems, 1)
			_, err = f.Write(whole[:20])
			require.NoError(t, err)
			require.Len(t, tasksOf(t, s).Problems, 1)
			_, err = f.Write(whole[20:])
			require.NoError(t, err)
			require.Len(t, tasksOf(t, s).All, 1, "before the writer closes it")
			require.Empty(t, tasksOf(t, s).Problems)
			require.NoError(t, f.Close())
			require.NoError(t, os.Chmod(path, 0))
			require.NoError(t, os.Chmod(path, 0o644))
			requireFresh(t, s, "closed")
		})
	}
}

// Unknown keys of a file stay, wherever the task that is put came from.
func TestPutTaskKeepsUnknownKeys(t *testing.T) {
	s, root := newBoard(t)
	create(t, s, "one")
	path := filepath.Join(root, state.TaskKey(1))
	require.NoError(t, os.WriteFile(path, []byte(`{"id":1,"subject":"s","status":"pending","mine":{"a":[1]}}`), 0o644))
	for _, put := range []state.Task{{ID: 1, Subject: "made up", Status: state.Pending}, {ID: 1, Subject: "again", Status: state.Completed}} {
		require.NoError(t, s.Update(context.Background(), func(tx *state.Tx) error {
			tx.PutTask(put)
			tx.PutTask(put)
			return nil
		}))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(data), put.Subject)
		require.Contains(t, string(data), `"mine"`)
	}
}

func TestSettled(t *testing.T) {
	now := time.Unix(1_700_000_000, 500_000_000)
	at := func(d time.Duration) int64 { return now.Add(d).UnixNano() }
	for _, c := range []struct {
		file osfs.Identity
		want bool
	}{
		{osfs.Identity{Modified: at(-time.Second), Changed: at(-time.Second)}, true},
		{osfs.Identity{Modified: at(-10 * time.Millisecond), Changed: at(-time.Second)}, false},
		{osfs.Identity{Modified: at(-time.Hour), Changed: at(-10 * time.Millisecond)}, false},
		{osfs.Identity{Modified: at(time.Hour)}, false},
		{osfs.Identity{Modified: at(-1500 * time.Millisecond)}, false}, // whole seconds: the file system may know no more
		{osfs.Identity{Modified: at(-4500 * time.Millisecond)}, true},
	} {
		require.Equal(t, c.want, settled(c.file, now), "%+v", c.file)
	}
}

// TestAnotherProcess is the other process of TestIndexBesideAProcess: for each
// line that it reads it changes the board, and answers with a line.
func TestAnotherProcess(t *testing.T) {
	root := os.Getenv("WT_MCP_TEST_BOARD")
	if root == "" {
		t.Skip("run by TestIndexBesideAProcess")
	}
	s := openBoard(root)
	defer s.Close()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		create(t, s, in.Text())
		require.NoError(t, noting(1, in.Text()).do(s))
		fmt.Println("done")
	}
}

// What another process has done when it says so is seen by the next call.
func TestIndexBesideAProcess(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, root := newBoard(t)
			t.Cleanup(s.Close)
			way(s)
			peer := exec.Command(os.Args[0], "-test.run=^TestAnotherProcess$")
			peer.Env = append(os.Environ(), "WT_MCP_TEST_BOARD="+root)
			in, err := peer.StdinPipe()
			require.NoError(t, err)
			out, err := peer.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, peer.Start())
			answers := bufio.NewScanner(out)
			for n := 1; n <= 50; n++ {
				_, err := fmt.Fprintf(in, "step-%d.\n", n)
				require.NoError(t, err)
				require.True(t, answers.Scan())
				tasks := tasksOf(t, s)
				require.Len(t, tasks.All, n)
				words := state.ParseWords(fmt.Sprintf("step-%d.", n))
				require.NoError(t, s.View(t.Context(), func(v *state.View) error {
					require.True(t, v.Mentions(tasks.All[0], &words))
					return nil
				}))
			}
			require.NoError(t, in.Close())
			require.NoError(t, peer.Wait())
			requireFresh(t, s, "the end")
		})
	}
}

// A kernel whose queue is full loses what happens then, and says so.
func TestIndexAfterOverflow(t *testing.T) {
	s, root := newBoard(t)
	t.Cleanup(s.Close)
	create(t, s, "one")
	create(t, s, "two")
	create(t, s, "three")
	tasksOf(t, s)
	tasksOf(t, s)
	path := func(id int) string { return filepath.Join(root, state.TaskKey(id)) }
	for range 12_000 {
		require.NoError(t, os.Chmod(path(1), 0o600))
		require.NoError(t, os.Chmod(path(2), 0o600))
	}
	require.NoError(t, os.WriteFile(path(3), []byte(`{"id": 3, "subject": "by hand", "status": "pending"}`), 0o644))
	require.Equal(t, "by hand", tasksOf(t, s).All[2].Subject)
	requireFresh(t, s, "after the overflow")
}
