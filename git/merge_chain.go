package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// making is a commit that is to be made.
type making struct {
	author  Person
	date    string
	message string
	merged  string   // its second parent; "" for none
	changes []change // of its parent's tree, where that is not known yet
}

// queued is a lane whose merge needs no computing: its changes have nothing to do with
// what came to the target since it began.
type queued struct {
	lane    int
	walk    walk
	commits []making
	changes []change // of all its commits
}

// enqueue takes a lane that git fast-import can put onto the target, and reports
// whether it did. The tree of a merge is then the target's with the lane's changes.
func (p *planner) enqueue(ctx context.Context, i int, w walk) (bool, error) {
	lane := p.Lanes[i]
	changes, ok := p.diffs[pair{w.base(), lane.Head}]
	if p.slow || p.sign || lane.Since != "" || !ok || !p.free(w.base(), changes) {
		return false, nil
	}
	q := queued{lane: i, walk: w, changes: changes}
	switch {
	case lane.Strategy == StrategyRebase:
		if quick, err := p.quickPicks(ctx, &q); !quick || err != nil {
			return false, err
		}
	case len(changes) == 0:
		p.done[i].Nothing = true
		return true, nil
	default:
		one := p.commitOf(lane, w)
		one.changes = changes
		q.commits = []making{one}
	}
	if slices.ContainsFunc(q.commits, func(c making) bool { return tidy(c.author.Name) == "" }) {
		return false, nil
	}
	p.queue = append(p.queue, q)
	p.done[i].Files, p.done[i].Commits = len(changes), w.commits()
	for _, c := range q.commits {
		p.before.add(c.changes)
	}
	if lane.Strategy == StrategyMerge {
		p.known.landed(w)
	}
	return true, nil
}

// free reports that changes since base are apart from what the target and the lanes
// before changed, and that they are of paths which any git takes.
func (p *planner) free(base string, changes []change) bool {
	moved := p.moved[base]
	return moved != nil && moved.apart(changes) && p.before.apart(changes) &&
		!slices.ContainsFunc(changes, func(c change) bool { return odd(c.path) })
}

// quickPicks makes the commits of a rebase, where each is free and none is on the
// target already.
func (p *planner) quickPicks(ctx context.Context, q *queued) (bool, error) {
	lane, base := p.Lanes[q.lane], q.walk.base()
	if !q.walk.linear {
		return false, nil
	}
	for _, c := range q.walk.own {
		changes, ok := p.diffs[pair{c.Parents[0], c.ID}]
		if !ok || !p.free(base, changes) {
			return false, nil
		}
		q.commits = append(q.commits, making{author: c.Author, date: c.AuthorDate, message: strings.TrimLeft(c.Message, "\n"), changes: changes})
	}
	if base == p.Target { // nothing came since
		return true, nil
	}
	out, err := p.run(ctx, call{args: []string{"rev-list", "--no-merges", "--cherry-mark", "--right-only",
		"--no-commit-header", "--format=%m", p.Target + "..." + lane.Head, "--"}})
	return !bytes.Contains(out, []byte("=")), err
}

// flush makes the commits of the queue and moves the tip to the last one. Where git
// fast-import refuses what they have, each lane is merged by itself.
func (p *planner) flush(ctx context.Context) error {
	if len(p.queue) == 0 {
		return nil
	}
	queue := p.queue
	p.queue = nil
	tips, err := p.importAll(ctx, queue)
	if err != nil && exitCode(err) > 0 && ctx.Err() == nil {
		return p.again(ctx, queue)
	}
	if err != nil {
		return err
	}
	for _, q := range queue {
		p.tip, tips = tips[len(q.commits)-1], tips[len(q.commits):]
		p.done[q.lane].Commit, p.done[q.lane].Tree = p.tip.commit, p.tip.tree
	}
	return nil
}

func (p *planner) again(ctx context.Context, queue []queued) error {
	p.slow = true
	for _, q := range queue {
		for _, c := range q.walk.own {
			delete(p.known.there, c.ID)
		}
	}
	for _, q := range queue {
		p.done[q.lane] = Planned{}
		if err := p.slowly(ctx, q.lane, q.walk); err != nil {
			return err
		}
	}
	return nil
}

// importAll has one git fast-import make all commits, each on the one before. Its refs
// and reports are in a git directory of ours, and go with it.
func (p *planner) importAll(ctx context.Context, queue []queued) ([]tip, error) {
	dir := p.scratch.path("import")
	if err := os.MkdirAll(dir+"/refs", 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(dir+"/HEAD", []byte("ref: "+importRef+"\n"), 0o600); err != nil {
		return nil, err
	}
	read, write := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(write, 64<<10)
		n := 0
		fmt.Fprint(out, "feature done\n")
		for _, q := range queue {
			for _, c := range q.commits {
				n++
				p.stream(out, n, c)
			}
		}
		fmt.Fprintf(out, "reset %s\nfrom %s\n\ndone\n", importRef, strings.Repeat("0", len(p.Target)))
		write.CloseWithError(out.Flush())
	}()
	out, err := p.run(ctx, call{stdin: read, env: []string{"GIT_DIR=" + dir},
		config: []string{"-c", "fastimport.unpackLimit=20", "-c", "pack.compression=1", "-c", "core.compression=1"},
		args:   []string{"fast-import", "--quiet", "--done", "--date-format=raw", "--depth=0"}})
	read.Close()
	if err != nil {
		return nil, err
	}
	return parseImported(string(out))
}

const importRef = "refs/heads/landing"

// stream writes one commit in git-fast-import(1)'s language, and asks for its tree and
// its id.
func (p *planner) stream(out *bufio.Writer, n int, c making) {
	fmt.Fprintf(out, "commit %s\nmark :%d\nauthor %s <%s> %s\ncommitter %s <%s> %s\n", importRef, n,
		tidy(c.author.Name), tidy(c.author.Email), c.date, p.who.committer.Name, p.who.committer.Email, p.who.date)
	data(out, []byte(endLine(c.message)))
	if n == 1 {
		fmt.Fprintf(out, "from %s\n", p.tip.commit)
	}
	if c.merged != "" {
		fmt.Fprintf(out, "merge %s\n", c.merged)
	}
	for _, ch := range c.changes {
		if ch.new.none() {
			fmt.Fprintf(out, "D %s\n", quoted(ch.path))
		}
	}
	for _, ch := range c.changes {
		if !ch.new.none() {
			fmt.Fprintf(out, "M %s %s %s\n", ch.new.mode, ch.new.oid, quoted(ch.path))
		}
	}
	fmt.Fprintf(out, "ls \"\"\n\nget-mark :%d\n", n)
}

// endLine is what git commit-tree makes of a message.
func endLine(message string) string {
	if message != "" && !strings.HasSuffix(message, "\n") {
		return message + "\n"
	}
	return message
}

// parseImported reads what git fast-import answers to ls and get-mark.
func parseImported(out string) (list []tip, err error) {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for ; len(lines) > 1; lines = lines[2:] {
		f := strings.Fields(lines[0])
		if len(f) != 3 || !isObjectID(f[2]) || !isObjectID(lines[1]) {
			return nil, errors.New("git fast-import said " + clipWords(lines[0]))
		}
		list = append(list, tip{commit: lines[1], tree: f[2]})
	}
	return list, nil
}
