package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"wt-mcp/server/desk"
)

const (
	// rootsTime is how long calls wait, once, for a client that does not say where it
	// works. What it says later is taken up all the same, for as long as rootsTaken.
	rootsTime  = 3 * time.Second
	rootsTaken = 10 * time.Minute

	rootsKey = "roots" // names the question to clients of the stateless era
)

// roots knows where the client says that it works. It is asked once, and again when it
// says that its roots changed. It is safe for concurrent use.
type roots struct {
	late func() // an answer came after somebody went without it

	mu     sync.Mutex
	ask    *asking // nil: to be asked
	silent bool    // it left a question without an answer: nobody waits for it any more
}

// asking is one question. What it found is to be read once it is over.
type asking struct {
	by   time.Time // nobody waits longer
	over chan struct{}
	desk.Roots
}

// renew has the client asked anew.
func (r *roots) renew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ask = nil
}

// begin returns the question under way, or a new one that put asks.
func (r *roots) begin(put func(*asking)) *asking {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ask == nil {
		r.ask = &asking{by: time.Now().Add(rootsTime), over: make(chan struct{})}
		if r.silent {
			r.ask.by = time.Now()
		}
		put(r.ask)
	}
	return r.ask
}

// answer ends a question, unless it has ended.
func (r *roots) answer(a *asking, found desk.Roots) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-a.over:
		return
	default:
	}
	a.Roots = found
	close(a.over)
	if r.silent = false; time.Now().After(a.by) && a == r.ask {
		r.late()
	}
}

// wait is what the client answers, if it does in time.
func (r *roots) wait(ctx context.Context, a *asking) desk.Roots {
	timer := time.NewTimer(time.Until(a.by))
	defer timer.Stop()
	select {
	case <-a.over:
		return a.Roots
	case <-ctx.Done():
	case <-timer.C:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.silent = true
	}
	return desk.Roots{Note: "the client has not said what its roots are"}
}

// where asks the client, in the way of its era, which directories it works in.
func (s *Server) where(ctx context.Context) desk.Roots {
	if s.config.Pinned {
		return desk.Roots{}
	}
	if mcpserver.IsModernRequest(ctx) {
		return s.told(ctx)
	}
	a := s.roots.begin(func(a *asking) { go s.put(context.WithoutCancel(ctx), a) })
	return s.roots.wait(ctx, a)
}

// put asks a client of the era with a handshake.
func (s *Server) put(ctx context.Context, a *asking) {
	ctx, cancel := context.WithTimeout(ctx, rootsTaken)
	defer cancel()
	list, err := s.engine.RequestRoots(ctx, mcp.ListRootsRequest{})
	switch {
	case errors.Is(err, mcpserver.ErrRootsNotSupported):
		s.roots.answer(a, desk.Roots{Note: "the client has no roots"})
	case err != nil:
		s.roots.answer(a, desk.Roots{Note: "the client did not say what its roots are"})
	default:
		s.roots.answer(a, directories(list))
	}
}

// told is what a client of the stateless era has answered, on this or another call.
func (s *Server) told(ctx context.Context) desk.Roots {
	if !declaresRoots(ctx) {
		return desk.Roots{Note: "the client has no roots"}
	}
	a := s.roots.begin(func(*asking) {})
	select {
	case <-a.over:
		return a.Roots
	default:
		return desk.Roots{Note: "the client did not say what its roots are"}
	}
}

func declaresRoots(ctx context.Context) bool {
	info := mcpserver.RequestProtocolInfoFromContext(ctx)
	return info != nil && info.Modern && info.ClientCapabilities != nil && info.ClientCapabilities.Roots != nil
}

// question is what a call of the stateless era is answered with where the client has to
// say first what its roots are; nil where it has said so, or does not say it.
func (s *Server) question(ctx context.Context, r mcp.CallToolRequest) *mcp.CallToolResult {
	if s.config.Pinned || !declaresRoots(ctx) {
		return nil
	}
	a := s.roots.begin(func(*asking) {})
	if response, given := mcpserver.InputResponse(r.Params.InputResponses, rootsKey); given {
		s.roots.answer(a, inputRoots(response))
		return nil
	}
	select {
	case <-a.over:
		return nil
	default:
	}
	if time.Now().After(a.by) {
		return nil
	}
	return mcpserver.NewInputRequestBuilder("").Roots(rootsKey).ToolResult()
}

func inputRoots(response mcp.InputResponse) desk.Roots {
	if err := response.DecodeFor(mcp.MethodListRoots); err != nil || response.Roots == nil {
		return desk.Roots{Note: "the client did not say what its roots are"}
	}
	return directories(response.Roots)
}

// directories are the roots that are directories of this machine.
func directories(list *mcp.ListRootsResult) desk.Roots {
	var found desk.Roots
	for _, root := range list.Roots {
		if dir, err := fileURI(root.URI); err == nil {
			found.Dirs = append(found.Dirs, dir)
		}
	}
	if found.Dirs == nil {
		found.Note = fmt.Sprintf("the client has %d roots, none of them a file URI", len(list.Roots))
	}
	return found
}
