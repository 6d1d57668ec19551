package tools

import (
	"context"
	"sync"
)

// glances share a look among calls that ask for the same at the same time. Each call gets
// what was looked at after it asked, so none is answered from before.
type glances[T any] struct {
	mu   sync.Mutex
	next map[string]*glance[T] // not begun yet: who asks now may share it
	turn map[string]*sync.Mutex
}

type glance[T any] struct {
	done chan struct{}
	out  T
	err  error
}

func (s *glances[T]) get(ctx context.Context, key string, look func(context.Context) (T, error)) (out T, err error) {
	g, turn, first := s.join(key)
	if first {
		turn.Lock()
		s.mu.Lock()
		delete(s.next, key)
		s.mu.Unlock()
		g.out, g.err = look(context.WithoutCancel(ctx)) // others share it
		close(g.done)
		turn.Unlock()
	}
	select {
	case <-g.done:
		return g.out, g.err
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
}

func (s *glances[T]) join(key string) (g *glance[T], turn *sync.Mutex, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next, s.turn = map[string]*glance[T]{}, map[string]*sync.Mutex{}
	}
	if s.turn[key] == nil {
		s.turn[key] = &sync.Mutex{}
	}
	if g, first = s.next[key], s.next[key] == nil; first {
		g = &glance[T]{done: make(chan struct{})}
		s.next[key] = g
	}
	return g, s.turn[key], first
}
