package git

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

const wholeLimit = 1 << 20 // files up to this size are read before they are announced

// write hands the snapshot to one git fast-import: objects, commit and ref. A
// stream that ends early, because we died, makes nothing.
func (t *taking) write(ctx context.Context) error {
	message, err := t.message()
	if err != nil {
		return err
	}
	began := time.Now()
	read, w := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(w, 64<<10)
		err := t.stream(ctx, out, message)
		w.CloseWithError(errors.Join(err, out.Flush()))
	}()
	_, err = t.repo.git.run(ctx, call{op: true, dir: t.repo.common, at: t.repo.pin("", ""), inherit: t.ask.Inherit, stdin: read,
		args: []string{"-c", "core.bigFileThreshold=16m", "-c", "pack.compression=1", "-c", "core.compression=1", "-c", "fastimport.unpackLimit=8",
			"fast-import", "--quiet", "--force", "--depth=0", "--done", "--date-format=raw"}})
	read.Close()
	if err != nil {
		t.repo.dropCrashReports(SnapshotRef(t.snap.ID))
		t.repo.dropCrashReport(err, began)
	}
	for _, path := range t.late {
		t.omit(&t.snap.LeftOut, path)
	}
	return err
}

// dropCrashReports removes what a git fast-import wrote into the git directory
// when its stream ended early, if it was about such a ref.
func (r *Repo) dropCrashReports(ref string) {
	names, _ := filepath.Glob(filepath.Join(r.common, "fast_import_crash_*")) // the pattern is well-formed
	for _, name := range names {
		if report, err := os.ReadFile(name); err == nil && checkRegular(name) && strings.Contains(string(report), ref) {
			_ = os.Remove(name)
		}
	}
}

// dropCrashReport removes the report of the git fast-import that began then and
// failed with err: on a full disk nothing stands in it.
func (r *Repo) dropCrashReport(err error, began time.Time) {
	var failed *Error
	if !errors.As(err, &failed) || failed.pid == 0 {
		return
	}
	name := filepath.Join(r.common, fmt.Sprintf("fast_import_crash_%d", failed.pid))
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && info.ModTime().After(began.Add(-time.Second)) {
		_ = os.Remove(name)
	}
}

// message is the commit message: a line for people, the facts for us. What is
// only found while files are read is not in it.
func (t *taking) message() ([]byte, error) {
	t.snap.Plain = (t.look == nil || t.look.whole() == nil) && len(t.store)+len(t.gone)+len(t.unheld)+len(t.kept) == 0 && !t.index && t.snap.Omitted == 0
	facts, err := json.Marshal(t.snap)
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	return fmt.Appendf(nil, "wt-mcp: worktree %s\n\n%s\n", filepath.Base(t.snap.Path), facts), nil
}

// stream writes git-fast-import(1)'s language.
func (t *taking) stream(ctx context.Context, out *bufio.Writer, message []byte) error {
	fmt.Fprintf(out, "feature done\ncommit %s\ncommitter wt-mcp <snapshot@wt-mcp.invalid> %d +0000\n", SnapshotRef(t.snap.ID), t.snap.At.Unix())
	if err := out.Flush(); err != nil { // should we die, git's report says whose it is
		return err
	}
	data(out, message)
	for _, oid := range t.parents {
		fmt.Fprintf(out, "merge %s\n", oid)
	}
	for _, o := range t.kept {
		mode := "100644"
		if o.kind == "tree" {
			mode = "040000"
		}
		fmt.Fprintf(out, "M %s %s kept/%s\n", mode, o.oid, o.oid)
	}
	var list manifest
	list.head(t.usual)
	if err := t.streamFiles(ctx, out, &list); err != nil {
		return err
	}
	t.streamAdmin(out, &list)
	t.describe(&list)
	fmt.Fprint(out, "M 100644 inline manifest\n")
	data(out, list.Bytes())
	fmt.Fprint(out, "done\n")
	return nil
}

func data(out *bufio.Writer, content []byte) {
	fmt.Fprintf(out, "data %d\n", len(content))
	_, _ = out.Write(content) // a bufio.Writer remembers its error
	_ = out.WriteByte('\n')
}

func (t *taking) streamFiles(ctx context.Context, out *bufio.Writer, list *manifest) error {
	if len(t.store) == 0 {
		return nil
	}
	root, err := os.OpenRoot(t.top)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, path := range t.store {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		kind, ok := t.streamFile(out, root, path)
		if !ok {
			kind = recordUnheld
			t.late = append(t.late, path)
			fmt.Fprintf(out, "D %s\n", quoted("files/"+path))
		}
		list.add(kind, t.files[path].Mode(), path)
	}
	return nil
}

// streamFile writes one file. It is false for one that is not what it was when
// it was listed, or cannot be read; then it is only in the trash.
func (t *taking) streamFile(out *bufio.Writer, root *os.Root, path string) (kind byte, ok bool) {
	info, name := t.files[path], filepath.FromSlash(path)
	if !info.Mode().IsRegular() {
		target, err := root.Readlink(name)
		if err != nil {
			return 0, false
		}
		fmt.Fprintf(out, "M 120000 inline %s\n", quoted("files/"+path))
		data(out, []byte(target))
		return recordLink, true
	}
	file, err := root.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	now, err := file.Stat()
	if err != nil || !os.SameFile(info, now) {
		return 0, false
	}
	return recordFile, t.streamContent(out, file, path, now)
}

// streamContent reads a large file while git does. Where it has become shorter
// it is filled up, so that the stream goes on, and does not count.
func (t *taking) streamContent(out *bufio.Writer, file *os.File, path string, info os.FileInfo) bool {
	mode := "100644"
	if info.Mode()&0o100 != 0 {
		mode = "100755"
	}
	announce := func() { fmt.Fprintf(out, "M %s inline %s\n", mode, quoted("files/"+path)) }
	if info.Size() <= wholeLimit {
		content, err := io.ReadAll(io.LimitReader(file, wholeLimit))
		if err != nil {
			return false
		}
		announce()
		data(out, content)
		return true
	}
	announce()
	fmt.Fprintf(out, "data %d\n", info.Size())
	n, err := io.CopyN(out, file, info.Size())
	if n < info.Size() {
		_, _ = io.CopyN(out, zeros{}, info.Size()-n)
	}
	_ = out.WriteByte('\n')
	return err == nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// streamAdmin writes git's notes: small ones into the manifest.
func (t *taking) streamAdmin(out *bufio.Writer, list *manifest) {
	for _, file := range t.state {
		if file.content != nil {
			list.inline(file)
			continue
		}
		t.streamNote(out, file.path)
		list.add(recordNote, file.mode, file.path)
	}
	if t.index {
		t.streamNote(out, "index")
	}
}

func (t *taking) streamNote(out *bufio.Writer, path string) {
	content, err := os.ReadFile(filepath.Join(t.admin, filepath.FromSlash(path)))
	if err == nil {
		fmt.Fprintf(out, "M 100644 inline %s\n", quoted("git/"+path))
		data(out, content)
	}
}

// describe adds what is no content: what is not there, empty directories, and
// permission bits other than most have.
func (t *taking) describe(list *manifest) {
	for _, path := range t.gone {
		list.add(recordGone, 0, path)
	}
	for _, path := range t.unheld {
		list.add(recordUnheld, 0, path)
	}
	stored := map[string]bool{}
	for _, path := range t.store {
		stored[path] = true
	}
	for path, info := range t.dirs {
		if !t.full[path] || info.Mode().Perm() != t.usual.dir {
			list.add(recordDir, info.Mode(), path)
		}
	}
	for path, info := range t.files {
		if info.Mode().IsRegular() && !stored[path] && info.Mode().Perm() != t.usual.of(info.Mode()) {
			list.add(recordPerm, info.Mode(), path)
		}
	}
}

// quoted is a path as fast-import reads it.
func quoted(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}
