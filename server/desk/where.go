package desk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// Roots are the directories in which a client says that it works; Note says why
// there are none.
type Roots struct {
	Dirs []string
	Note string
}

// AskRoots asks a client where it works. That may take a moment, and give nothing.
type AskRoots func(context.Context) Roots

// Nowhere are the roots of a client that works where the process was started.
func Nowhere(context.Context) Roots { return Roots{} }

// Place is a directory that the user has opened to a client. Nothing outside of its
// places is reached by what a model passes.
type Place struct {
	Dir   string
	From  string // who says so: a flag, the client, a variable, the current directory
	Named bool   // as the repository itself
}

// Repository is one that was found at a place.
type Repository struct {
	Root   string // its main checkout
	Common string // what its worktrees share, which tells it from others
	Join   func(context.Context) (*tools.Board, error)
	Drop   func() // gives it up

	from string
}

// None is why a place has no repository, where another place may have one.
type None struct{ Err error }

func (n None) Error() string { return n.Err.Error() }

// Unwrap is the reason.
func (n None) Unwrap() error { return n.Err }

// where is what a client has open. Calls that name no repository are on the first.
type where struct {
	places []Place
	repos  []Repository
}

// look finds the repositories of all places. One that git refuses, or could not look
// at, is no reason to work in another one.
func (c *Client) look(ctx context.Context) (*where, error) {
	roots := c.roots(ctx)
	w := &where{places: distinct(c.desk.config.Places(roots.Dirs))}
	var last error
	for _, place := range w.places {
		repo, err := c.desk.find(ctx, place)
		var none None
		switch {
		case err == nil:
			w.add(repo)
		case errors.As(err, &none):
			last = none.Err
		case len(w.repos) == 0:
			return w, err
		}
	}
	if len(w.repos) == 0 {
		return w, w.nowhere(roots, last)
	}
	return w, nil
}

// distinct leaves out places that are there twice.
func distinct(places []Place) []Place {
	seen := map[string]bool{}
	var out []Place
	for _, p := range places {
		if dir := filepath.Clean(p.Dir); !seen[dir] {
			seen[dir] = true
			out = append(out, p)
		}
	}
	return out
}

func (w *where) add(repo Repository) Repository {
	for _, r := range w.repos {
		if r.Common == repo.Common {
			return r
		}
	}
	w.repos = append(w.repos, repo)
	return repo
}

// stay puts a repository first that is as much where the client works as the first
// one: a client that opens another folder has not left the one before.
func (w *where) stay(common string) {
	for i, r := range w.repos {
		if r.Common == common && r.from == w.repos[0].from {
			w.repos[0], w.repos[i] = w.repos[i], w.repos[0]
		}
	}
}

// nowhere is the error where no place has a repository: it says where one was looked
// for, and what may be done by whom.
func (w *where) nowhere(roots Roots, last error) error {
	e := *known(last)
	looked := make([]string, 0, len(w.places))
	inside := false
	for _, p := range w.places {
		looked = append(looked, fmt.Sprintf("%s (%s)", state.Clip(p.Dir, 200), p.From))
		inside = inside || !broad(p.Dir) && w.holds(p.Dir)
	}
	hints := []string{"looked in " + strings.Join(looked, ", ")}
	if roots.Note != "" {
		hints[0] += "; " + roots.Note
	}
	if inside {
		hints = append(hints, "if a repository lies in one of these, pass its directory as repo")
	}
	e.Hint = strings.Join(append(hints, e.Hint), "; ")
	return &e
}

// named is the repository that a call names: one that is open, by its directory, its
// name or a path in it, or one that lies in a place that the user opened.
func (c *Client) named(ctx context.Context, w *where, said string) (Repository, error) {
	for _, r := range slices.Concat(w.repos, c.worked) {
		if said == r.Root || said == filepath.Base(r.Root) || said == "." {
			return r, nil
		}
	}
	dir := filepath.FromSlash(said)
	if !filepath.IsAbs(dir) && len(w.repos) > 0 {
		dir = filepath.Join(w.repos[0].Root, dir)
	} else if !filepath.IsAbs(dir) && len(w.places) > 0 {
		dir = filepath.Join(w.places[0].Dir, dir)
	}
	if !w.holds(dir) {
		return Repository{}, w.closed(said, "is not open here")
	}
	repo, err := c.desk.find(ctx, Place{Dir: dir, From: "repo"})
	switch {
	case err != nil:
		return Repository{}, w.closed(said, "cannot be opened: "+known(err).Error())
	case !w.has(repo) && !(w.holds(repo.Root) && w.holds(repo.Common)):
		return Repository{}, w.closed(said, "belongs to "+repo.Root+", which is not open here")
	}
	return w.add(repo), nil
}

// holds reports whether a directory is one of the places, or lies in one: as it is on
// the disk, wherever links lead. What is open to everybody, like the root of the file
// system, opens nothing in it.
func (w *where) holds(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for _, p := range w.places {
		place, err := filepath.EvalSymlinks(p.Dir)
		if err != nil {
			continue
		}
		within, err := filepath.Rel(place, real)
		if err == nil && (within == "." || filepath.IsLocal(within) && !broad(place)) {
			return true
		}
	}
	return false
}

func (w *where) has(repo Repository) bool {
	return slices.ContainsFunc(w.repos, func(r Repository) bool { return r.Common == repo.Common })
}

func (w *where) closed(said, why string) error {
	hint := "the user opens a repository: with --repo DIR, or by starting the client in it"
	if names := w.roots(); len(names) > 0 {
		hint = "pass one of " + strings.Join(names, ", ") + ", or leave repo out; " + hint
	}
	return state.Errorf(state.InvalidArgument, hint, "repo: %q %s", state.Clip(said, 200), why).With("argument", "repo")
}

// roots are the main checkouts of the repositories that are open.
func (w *where) roots() (roots []string) {
	for _, r := range w.repos {
		roots = append(roots, r.Root)
	}
	return roots
}
