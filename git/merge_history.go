package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Person is an author or a committer.
type Person struct{ Name, Email string }

// Commit is a commit that a landing is about.
type Commit struct {
	ID, Tree   string
	Parents    []string
	Author     Person
	AuthorDate string // as in "1700000000 +0100"
	Message    string
}

// Subject is the first line of the message.
func (c Commit) Subject() string {
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n")
	return strings.TrimSpace(subject)
}

// empty reports that a commit changes nothing, given its parent's tree.
func (c Commit) empty(parentTree string) bool { return len(c.Parents) > 0 && c.Tree == parentTree }

// ancestry has the commits that a target has not, and those of the target at which they
// begin.
type ancestry struct {
	commits map[string]*Commit
	order   map[string]int // parents before children
	edges   map[string]string
	there   map[string]bool // of the commits, those that have landed by now
}

const historyFormat = "%m%H %T %P%x00%an%x00%ae%x00%ad%x00%B%x00"

// history reads what the target does not have of the heads. Where one of them is no
// commit, it fails.
func (p *planner) history(ctx context.Context, heads []string) (*ancestry, error) {
	if len(heads) == 0 {
		return parseHistory("")
	}
	ask := "^" + p.Target + "\n" + strings.Join(heads, "\n") + "\n"
	out, err := p.run(ctx, call{stdin: strings.NewReader(ask),
		args: []string{"rev-list", "--stdin", "--boundary", "--topo-order", "--reverse", "--no-commit-header", "--date=raw", "--format=" + historyFormat}})
	if err != nil {
		return nil, err
	}
	return parseHistory(string(out))
}

// parseHistory reads rev-list in historyFormat; each commit is followed by a line break.
func parseHistory(out string) (*ancestry, error) {
	h := &ancestry{commits: map[string]*Commit{}, order: map[string]int{}, edges: map[string]string{}, there: map[string]bool{}}
	fields := strings.Split(out, "\x00")
	for ; len(fields) > 5; fields = fields[5:] {
		ids := strings.Split(strings.TrimPrefix(fields[0], "\n"), " ")
		if len(ids) < 3 || !isObjectID(strings.TrimLeft(ids[0], "-<>=")) || !isObjectID(ids[1]) {
			return nil, errors.New("git rev-list said " + clipWords(fields[0]))
		}
		if edge, is := strings.CutPrefix(ids[0], "-"); is {
			h.edges[edge] = ids[1]
			continue
		}
		c := &Commit{ID: ids[0][1:], Tree: ids[1], Author: Person{fields[1], fields[2]}, AuthorDate: fields[3], Message: fields[4]}
		c.Parents = slices.DeleteFunc(ids[2:], func(id string) bool { return id == "" })
		h.order[c.ID] = len(h.order)
		h.commits[c.ID] = c
	}
	if strings.TrimSpace(strings.Join(fields, "")) != "" {
		return nil, fmt.Errorf("git rev-list ended with %.100q", strings.Join(fields, " "))
	}
	return h, nil
}

// tree is that of a commit of the history, or of one at its edge.
func (h *ancestry) tree(commit string) string {
	if c, ok := h.commits[commit]; ok {
		return c.Tree
	}
	return h.edges[commit]
}

// new reports that the target does not have the commit.
func (h *ancestry) new(commit string) bool { return h.commits[commit] != nil && !h.there[commit] }

// landed notes that the target has them now.
func (h *ancestry) landed(w walk) {
	for _, c := range w.own {
		h.there[c.ID] = true
	}
}

// walk is what a lane has that the target has not.
type walk struct {
	own    []*Commit // parents before children
	edges  []string  // the commits of the target at which they begin
	linear bool      // each has one parent, and there is one edge: it is the merge base
}

// walk follows the parents from a head.
func (h *ancestry) walk(head string) (w walk) {
	seen := map[string]bool{}
	w.linear = true
	for next := []string{head}; len(next) > 0; {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		switch {
		case seen[id]:
			continue
		case !h.new(id):
			w.edges = append(w.edges, id)
		default:
			c := h.commits[id]
			w.own = append(w.own, c)
			w.linear = w.linear && len(c.Parents) == 1
			next = append(next, c.Parents...)
		}
		seen[id] = true
	}
	slices.SortFunc(w.own, func(a, b *Commit) int { return h.order[a.ID] - h.order[b.ID] })
	w.linear = w.linear && len(w.edges) == 1
	return w
}

// base is the merge base of the lane and the target, "" where there may be several.
func (w walk) base() string {
	if len(w.edges) != 1 {
		return ""
	}
	return w.edges[0]
}

// beginsAt reports that the target's commit is an ancestor of the lane.
func (w walk) beginsAt(commit string) bool { return slices.Contains(w.edges, commit) }

func (w walk) commits() (list []Commit) {
	for _, c := range w.own {
		list = append(list, *c)
	}
	return list
}
