package desk

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// Client is one who makes calls: a session, a command, a person at a page.
type Client struct {
	desk  *Desk
	roots Roots

	finding semaphore // held by the call that looks where the client works
	board   *tools.Board
	claims  map[*tools.Board]*tools.Claims
	moved   atomic.Bool // it works elsewhere since its board was found
}

// Client makes a new client, which holds no claims yet.
func (d *Desk) Client(roots Roots) *Client {
	return &Client{desk: d, roots: roots, finding: make(semaphore, 1), claims: map[*tools.Board]*tools.Claims{}}
}

// Moved takes notice that the client works elsewhere: its next call is on the
// board of there. Calls and runs go on where it was.
func (c *Client) Moved() { c.moved.Store(true) }

// Arrive opens the client's board before a call needs it, so that what a dead process
// left half done is mended at the start. A call that needs the board says what is
// wrong with it, and tries again.
func (c *Client) Arrive(ctx context.Context) {
	if _, err := c.at(ctx, tools.Caller{}); err != nil {
		c.desk.config.Log.Debug("open the board", "error", err)
	}
}

// Call checks the arguments, finds the board and runs the tool. Of by, the claims
// are the client's own.
func (c *Client) Call(ctx context.Context, tool string, args json.RawMessage, by tools.Caller) (tools.Answer, error) {
	t, ok := c.desk.tools[tool]
	if !ok {
		return tools.Answer{}, c.desk.Unknown(tool)
	}
	input, err := t.input()
	if err != nil {
		return tools.Answer{}, err
	}
	if args, err = checkArgs(tool, input, args); err != nil {
		return tools.Answer{}, err
	}
	board, err := c.at(ctx, by)
	if err != nil {
		return tools.Answer{}, err
	}
	board.Tend()
	answer, err := t.Call(ctx, board, args)
	answer.Next = c.desk.offering(answer.Next)
	if err != nil && ctx.Err() != nil {
		err = &state.Error{Code: state.Cancelled, Message: tool + " was cancelled", Err: err}
	}
	return answer, err
}

// at is the board of where the client works, as the caller has it.
func (c *Client) at(ctx context.Context, by tools.Caller) (*tools.Board, error) {
	release, err := c.finding.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if c.moved.Swap(false) {
		c.board = nil
	}
	if c.board == nil {
		if c.board, err = c.desk.open(ctx, c.roots); err != nil {
			return nil, err
		}
	}
	if c.claims[c.board] == nil {
		c.claims[c.board] = &tools.Claims{}
	}
	by.Held = c.claims[c.board]
	return c.board.For(by), nil
}
