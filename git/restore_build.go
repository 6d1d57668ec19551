package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"wt-mcp/state/osfs"
)

// building is a worktree while it is built from a snapshot: in a directory of
// the trash, in a part for its files and one for git's.
type building struct {
	repo  *Repo
	snap  Snapshot
	held  map[string]entry // what the snapshot's tree has, by path
	list  *contents
	files *os.Root
	git   *os.Root
	jobs  []job
	notes []string
}

// job is one file to write. A link is written after all files, so that nothing
// is ever written through one.
type job struct {
	oid, path string
	mode      os.FileMode // with the type of a link
	git       bool        // it belongs to git's part
}

// rebuild builds the worktree of a snapshot in a home of the operation.
func (r *Repo) rebuild(ctx context.Context, rs Restore, s Snapshot) (home string, notes []string, err error) {
	home, parts, err := r.makeHome(rs.Path, rs.Op)
	if err != nil {
		return "", nil, err
	}
	b := &building{repo: r, snap: s}
	err = b.open(home, parts)
	for _, step := range []func(context.Context) error{b.read, b.writeNotes, b.plan, b.writeFiles, b.finish} {
		if err == nil {
			err = step(ctx)
		}
	}
	if err == nil {
		err = b.close(home, parts)
	}
	return home, b.notes, err
}

const unfinished = ".part" // ends the name of a part that is being built

func (b *building) open(home, parts string) (err error) {
	for _, part := range []struct {
		name string
		root **os.Root
	}{{filepath.Join(parts, "files"), &b.files}, {filepath.Join(home, "git"), &b.git}} {
		name := part.name + unfinished
		if err := os.Mkdir(name, 0o777); err != nil {
			return err
		}
		if *part.root, err = os.OpenRoot(name); err != nil {
			return err
		}
	}
	return nil
}

// close gives the finished parts their names.
func (b *building) close(home, parts string) error {
	err := errors.Join(b.files.Close(), b.git.Close())
	for _, part := range []string{filepath.Join(home, "git"), filepath.Join(parts, "files")} {
		if err == nil {
			err = os.Rename(part+unfinished, part)
		}
	}
	return err
}

// read takes the snapshot's tree and manifest.
func (b *building) read(ctx context.Context) error {
	out, err := b.repo.read(ctx, "ls-tree", "-r", "-z", b.snap.commit)
	if err != nil {
		return err
	}
	b.held = map[string]entry{}
	for line := range bytes.SplitSeq(out, []byte{0}) {
		facts, path, _ := strings.Cut(string(line), "\t")
		if f := strings.Fields(facts); len(f) == 3 {
			b.held[path] = entry{mode: f[0], oid: f[2]}
		}
	}
	text, err := b.repo.read(ctx, "cat-file", "blob", b.held["manifest"].oid)
	if err != nil {
		return err
	}
	b.list, err = parseManifest(text)
	return err
}

// writeNotes writes git's part: what the index is comes first, to be read.
func (b *building) writeNotes(ctx context.Context) error {
	for path, note := range b.list.small {
		if err := b.create(b.git, path, note.mode, bytes.NewReader(note.content)); err != nil {
			return err
		}
	}
	for path, mode := range b.list.notes {
		if held, ok := b.held["git/"+path]; ok {
			b.jobs = append(b.jobs, job{oid: held.oid, path: path, mode: mode, git: true})
		}
	}
	if held, ok := b.held["git/index"]; ok {
		b.jobs = append(b.jobs, job{oid: held.oid, path: "index", mode: 0o644, git: true})
	}
	if err := b.writeFiles(ctx); err != nil {
		return err
	}
	if _, err := b.git.Lstat("HEAD"); err != nil {
		return fmt.Errorf("snapshot %s has no HEAD", b.snap.ID)
	}
	b.jobs = nil
	if _, ok := b.held["git/index"]; ok || b.snap.Head == "" {
		return nil
	}
	_, err := b.repo.git.run(ctx, call{op: true, dir: b.repo.common, at: b.repo.pin(b.git.Name(), ""), args: []string{"read-tree", b.snap.Head}})
	return err
}

// plan lists the files: those that the snapshot has itself, and of the index all
// others that were there.
func (b *building) plan(ctx context.Context) error {
	entries, err := b.repo.entries(ctx, b.git.Name(), b.files.Name())
	if err != nil {
		return err
	}
	for path, mode := range b.list.files {
		held, ok := b.held["files/"+path]
		if !ok {
			return fmt.Errorf("snapshot %s has no %q", b.snap.ID, path)
		}
		b.jobs = append(b.jobs, job{oid: held.oid, path: path, mode: mode})
	}
	for _, e := range entries {
		_, stored := b.list.files[e.path]
		skip := stored || b.list.absent[e.path] || e.stage != '0' || e.tag == 'S' || e.tag == 's'
		switch {
		case skip:
		case !filepath.IsLocal(filepath.FromSlash(e.path)):
			return fmt.Errorf("the index has the path %q", e.path)
		case e.mode == "160000":
			b.list.dirs[e.path] = b.list.usual.dir
		default:
			b.jobs = append(b.jobs, job{oid: e.oid, path: e.path, mode: b.modeOf(e)})
		}
	}
	for path := range b.list.unheld {
		b.notes = append(b.notes, "the snapshot does not hold "+strconv.Quote(path))
	}
	return nil
}

func (b *building) modeOf(e entry) os.FileMode {
	if mode, ok := b.list.perms[e.path]; ok {
		return mode
	}
	switch e.mode {
	case "120000":
		return os.ModeSymlink
	case "100755":
		return b.list.usual.exec
	}
	return b.list.usual.file
}

// writeFiles has git read all objects in one go.
func (b *building) writeFiles(ctx context.Context) error {
	if len(b.jobs) == 0 {
		return nil
	}
	slices.SortFunc(b.jobs, func(x, y job) int {
		if link := int(x.mode&os.ModeSymlink>>20) - int(y.mode&os.ModeSymlink>>20); link != 0 {
			return link
		}
		return strings.Compare(x.path, y.path)
	})
	var ask strings.Builder
	for _, j := range b.jobs {
		ask.WriteString(j.oid + "\n")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := b.receive(bufio.NewReaderSize(read, 64<<10))
		if read.CloseWithError(err); err != nil {
			cancel(err)
		}
		done <- err
	}()
	_, err := b.repo.git.run(ctx, call{dir: b.repo.common, at: b.repo.pin("", ""), stdin: strings.NewReader(ask.String()), stdout: write,
		args: []string{"cat-file", "--batch", "--buffer"}})
	write.CloseWithError(io.ErrUnexpectedEOF)
	if received := <-done; received != nil {
		return errors.Join(received, err)
	}
	return err
}

// receive reads what git cat-file --batch writes: "<id> <kind> <size>", the
// content, a newline.
func (b *building) receive(in *bufio.Reader) error {
	for _, j := range b.jobs {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		f := strings.Fields(line)
		if len(f) != 3 || f[1] != "blob" {
			b.notes = append(b.notes, fmt.Sprintf("%q cannot be read: git says %s", j.path, strings.TrimSpace(line)))
			continue
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return err
		}
		content := io.LimitReader(in, size)
		if err := b.write(j, content); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		if _, err := in.Discard(1); err != nil {
			return err
		}
	}
	return nil
}

func (b *building) write(j job, content io.Reader) error {
	root := b.files
	if j.git {
		root = b.git
	}
	if j.mode&os.ModeSymlink == 0 {
		return b.create(root, j.path, j.mode, content)
	}
	target, err := io.ReadAll(io.LimitReader(content, 64<<10))
	if err == nil {
		err = makeParent(root, j.path)
	}
	if err != nil {
		return err
	}
	return root.Symlink(string(target), filepath.FromSlash(j.path))
}

// create writes a new file. Its parents are made.
func (b *building) create(root *os.Root, path string, mode os.FileMode, content io.Reader) error {
	name := filepath.FromSlash(path)
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err = makeParent(root, path); err == nil {
			file, err = root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
	if err != nil {
		return err
	}
	err = osfs.WriteSparse(file, content)
	return errors.Join(err, file.Chmod(mode.Perm()), file.Close())
}

func makeParent(root *os.Root, path string) error {
	if dir := slashDir(path); dir != "" {
		return root.MkdirAll(filepath.FromSlash(dir), 0o777)
	}
	return nil
}

// finish makes the directories that nothing is in, and gives all of them their
// permission bits, the inner ones first.
func (b *building) finish(context.Context) error {
	dirs := map[string]os.FileMode{}
	for _, j := range b.jobs {
		for dir := slashDir(j.path); dir != "" && dirs[dir] == 0; dir = slashDir(dir) {
			dirs[dir] = b.list.usual.dir
		}
	}
	var order []string
	for dir, mode := range b.list.dirs {
		if err := b.files.MkdirAll(filepath.FromSlash(dir), 0o777); err != nil {
			return err
		}
		dirs[dir] = mode
	}
	for dir := range dirs {
		order = append(order, dir)
	}
	slices.SortFunc(order, func(x, y string) int { return strings.Compare(y, x) })
	for _, dir := range order {
		if err := b.files.Chmod(filepath.FromSlash(dir), dirs[dir].Perm()); err != nil {
			return err
		}
	}
	if s := b.snap; len(s.Ignored) > 0 || len(s.Nested) > 0 || len(s.LeftOut) > 0 {
		b.notes = append(b.notes, fmt.Sprintf("the trash is gone, and the snapshot alone lacks (%d): %s", s.Omitted,
			strings.Join(slices.Concat(s.Nested, s.LeftOut, s.Ignored), ", ")))
	}
	return nil
}
