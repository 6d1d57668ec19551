package desk

import "wt-mcp/tools"

// thread is who makes calls on one board. A client may be one to many threads, such as
// sub-agents, and says so with each call; each has claims of its own.
type thread struct {
	board           *tools.Board
	session, thread string
}

// maxThreads is how many threads a client may have before those that hold nothing are
// forgotten. One that is at work then may have to pass its claim again.
const maxThreads = 256

func threadOf(board *tools.Board, by tools.Caller) thread {
	return thread{board, by.Session, by.Thread}
}

// held are the claims of a thread, which are remembered from now on.
func (c *Client) held(t thread) *tools.Claims {
	if held := c.claims[t]; held != nil {
		return held
	}
	if len(c.claims) >= maxThreads {
		for other, held := range c.claims {
			if !held.Any() {
				delete(c.claims, other)
			}
		}
	}
	c.claims[t] = &tools.Claims{}
	return c.claims[t]
}

// holds reports whether the thread has claims.
func (c *Client) holds(t thread) bool {
	held := c.claims[t]
	return held != nil && held.Any()
}
