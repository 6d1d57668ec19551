// Package desk is the counter in front of the boards of one process, the same for
// every front end: it opens a board once, holds the arguments of a call against the
// tool's schema, runs the tool for the client that asks, and words what went wrong.
// It knows no protocol.
//
// A [Desk] may have any number of clients. Each has the claims that it was given and
// no other's, and works on the board of where it is. Desks and clients are safe
// for concurrent use; calls run side by side.
package desk

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/tools"
)

// Config says what is offered. Places are asked for when a client is to be found, and
// Find looks at one of them; neither changes anything.
type Config struct {
	Sets     []tools.Set
	ReadOnly bool
	Log      *slog.Logger
	Places   func(roots []string) []Place // the best first
	Find     func(context.Context, Place) (Repository, error)
}

// Desk offers the tools of the configured sets.
type Desk struct {
	config Config
	tools  map[string]offered

	opening semaphore               // held by who opens a board
	boards  map[string]*tools.Board // that are open, by what tells repositories apart
	found   []Repository            // what has to be given up in the end
}

type offered struct {
	tools.Tool
	input func() (*jsonschema.Schema, error) // derived once, on the first call
}

// New makes a desk.
func New(c Config) *Desk {
	d := &Desk{config: c, tools: map[string]offered{}, opening: make(semaphore, 1), boards: map[string]*tools.Board{}}
	for _, t := range tools.All() {
		if slices.Contains(c.Sets, t.Set) && (!c.ReadOnly || t.ReadOnly) {
			d.tools[t.Name] = offered{t, sync.OnceValues(func() (*jsonschema.Schema, error) { return InputSchema(t.In) })}
		}
	}
	return d
}

// Offers reports whether the desk has a tool of that name.
func (d *Desk) Offers(name string) bool {
	_, ok := d.tools[name]
	return ok
}

// offering leaves out the steps whose tool the desk does not have.
func (d *Desk) offering(steps []tools.Step) []tools.Step {
	return slices.DeleteFunc(steps, func(s tools.Step) bool { return s.Tool != "" && !d.Offers(s.Tool) })
}

// Close closes the boards: it waits for work that goes on behind answered calls.
func (d *Desk) Close() {
	defer d.opening.take()()
	for _, board := range d.boards {
		board.Close()
	}
	for _, repo := range d.found {
		repo.Drop()
	}
	d.boards, d.found = map[string]*tools.Board{}, nil
}

// find looks for the repository of a place.
func (d *Desk) find(ctx context.Context, place Place) (Repository, error) {
	repo, err := d.config.Find(ctx, place)
	if err != nil {
		return repo, err
	}
	repo.from = place.From
	defer d.opening.take()()
	d.found = append(d.found, repo)
	return repo, nil
}

// join returns the board of a repository, which is opened once.
func (d *Desk) join(ctx context.Context, repo Repository) (*tools.Board, error) {
	release, err := d.opening.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if board := d.boards[repo.Common]; board != nil {
		return board, nil
	}
	board, err := repo.Join(ctx)
	if err == nil {
		d.boards[repo.Common] = board
	}
	return board, err
}

// joined is the board of a repository, nil where nobody opened it.
func (d *Desk) joined(repo Repository) *tools.Board {
	defer d.opening.take()()
	return d.boards[repo.Common]
}

// semaphore is a lock that one can stop waiting for.
type semaphore chan struct{}

func (s semaphore) wait(ctx context.Context) (release func(), err error) {
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s semaphore) take() (release func()) {
	s <- struct{}{}
	return func() { <-s }
}
