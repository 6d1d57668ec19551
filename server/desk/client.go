package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// Client is one who makes calls: a session, a command, a person at a page.
type Client struct {
	desk  *Desk
	roots AskRoots

	finding semaphore // held by the call that looks where the client works
	here    *where    // nil: to be found
	claims  map[thread]*tools.Claims
	home    *Repository  // where its calls are
	worked  []Repository // on whose boards it was, wherever it works now
	left    *tools.Board // it worked there before it moved, and was not told yet
	moved   atomic.Bool  // it works elsewhere since it was looked for
}

// Client makes a new client, which holds no claims yet.
func (d *Desk) Client(roots AskRoots) *Client {
	return &Client{desk: d, roots: roots, finding: make(semaphore, 1), claims: map[thread]*tools.Claims{}}
}

// Moved takes notice that the client works elsewhere: its next call is on the
// board of there. Calls and runs go on where it was.
func (c *Client) Moved() { c.moved.Store(true) }

// Arrive opens the client's board before a call needs it, so that what a dead process
// left half done is mended at the start. A call that needs the board says what is
// wrong with it, and tries again.
func (c *Client) Arrive(ctx context.Context) {
	if _, _, err := c.at(ctx, errand{arriving: true}); err != nil {
		c.desk.config.Log.Debug("open the board", "error", err)
	}
}

// Where is the main checkout of the repository that the client works in. It opens
// nothing.
func (c *Client) Where(ctx context.Context) (root string, err error) {
	release, err := c.finding.wait(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	if err := c.settle(ctx); err != nil {
		return "", err
	}
	return c.here.repos[0].Root, nil
}

// Call checks the arguments, finds the board and runs the tool. Of by, the claims
// are those that the client was given for that thread of it.
func (c *Client) Call(ctx context.Context, tool string, args json.RawMessage, by tools.Caller) (tools.Answer, error) {
	t, ok := c.desk.tools[tool]
	if !ok {
		return tools.Answer{}, c.desk.Unknown(tool, args)
	}
	input, err := t.input()
	if err != nil {
		return tools.Answer{}, err
	}
	given, err := checkedArgs(tool, input, args)
	if err != nil {
		return tools.Answer{}, c.knowing(ctx, tool, err, given)
	}
	repo := given.takeText(repoArgument)
	board, notes, err := c.at(ctx, errand{tool: t.Tool, repo: repo, by: by})
	if err != nil {
		return tools.Answer{}, err
	}
	given.lane(ctx, board, tool)
	board.Tend()
	answer, err := t.Call(ctx, board, given.encode())
	if err != nil && ctx.Err() != nil {
		err = &state.Error{Code: state.Cancelled, Message: tool + " was cancelled", Err: err}
	}
	answer.Next = append(inRepo(c.desk.offering(answer.Next), repo), notes...)
	return answer, noted(err, notes)
}

// knowing is the error of wrong arguments with what the board knows of what was meant.
func (c *Client) knowing(ctx context.Context, tool string, err error, given arguments) error {
	board, _, unknown := c.at(ctx, errand{repo: given.text(repoArgument), arriving: true})
	if unknown != nil {
		return err
	}
	return lanesKnown(ctx, board, tool, err, given)
}

// noted is an error that says as well what the caller has to know of where it is.
func noted(err error, notes []tools.Step) error {
	if err == nil || len(notes) == 0 {
		return err
	}
	e := *known(err)
	for _, n := range notes {
		e.Hint = strings.TrimPrefix(e.Hint+"; "+n.String(), "; ")
	}
	return &e
}

// errand is what a client comes with.
type errand struct {
	tool     tools.Tool
	repo     string // which repository, where the call says so
	by       tools.Caller
	arriving bool // no call: what there is to be told waits for one
}

// at is the board that a call is on, as the caller has it, and what the caller must
// know of where that is.
func (c *Client) at(ctx context.Context, e errand) (*tools.Board, []tools.Step, error) {
	release, err := c.finding.wait(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	board, err := c.choose(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	notes, err := c.tell(board, e)
	if err != nil {
		return nil, nil, err
	}
	e.by.Held = c.held(threadOf(board, e.by))
	return board.For(e.by), notes, nil
}

// choose finds and joins the board. A client that moved is told with its next call.
func (c *Client) choose(ctx context.Context, e errand) (*tools.Board, error) {
	if err := c.settle(ctx); err != nil && (e.repo == "" || c.here == nil) {
		return nil, err
	}
	if e.repo == "" {
		return c.join(ctx, c.here.repos[0])
	}
	repo, err := c.named(ctx, c.here, e.repo)
	if err != nil {
		return nil, err
	}
	return c.join(ctx, repo)
}

// settle finds where the client works, if that is to be found.
func (c *Client) settle(ctx context.Context) error {
	if c.moved.Swap(false) {
		c.here = nil
	}
	if c.here != nil && len(c.here.repos) > 0 {
		return nil
	}
	now, err := c.look(ctx)
	c.here = now
	if err != nil {
		return err
	}
	if c.home != nil {
		now.stay(c.home.Common)
	}
	if c.home != nil && c.home.Common != now.repos[0].Common && c.left == nil {
		c.left = c.desk.joined(*c.home)
	}
	c.home = &now.repos[0]
	return nil
}

func (c *Client) join(ctx context.Context, repo Repository) (*tools.Board, error) {
	board, err := c.desk.join(ctx, repo)
	known := func(r Repository) bool { return r.Common == repo.Common }
	if err == nil && !slices.ContainsFunc(c.worked, known) {
		c.worked = append(c.worked, repo)
	}
	return board, err
}

// tell is what the caller must know of the board that its call is on. A call that
// changes something is not made on the board of another repository than the one in
// which the caller holds claims, before the caller knows of it.
func (c *Client) tell(board *tools.Board, e errand) (notes []tools.Step, err error) {
	root := board.State.Root()
	switch left := c.left; {
	case left == nil || e.arriving || e.repo != "":
	case left == board:
		c.left = nil
	case !e.tool.ReadOnly && c.holds(threadOf(left, e.by)):
		c.left = nil
		return nil, state.Errorf(state.Conflict, fmt.Sprintf("repeat the call to make it on the board of %s, or add repo %q to go on where your claims are", root, left.State.Root()),
			"nothing was done: the client works in %s now, and you hold claims in %s", root, left.State.Root())
	default:
		c.left = nil
		notes = append(notes, tools.Step{Why: fmt.Sprintf("this is the board of %s, where the client works now; before it was that of %s", root, left.State.Root())})
	}
	if others := c.here.besides(root); e.tool.Name == "task_list" && len(others) > 0 {
		notes = append(notes, tools.Step{Why: "open as well, with repo in a call: " + strings.Join(others, ", ")})
	}
	return notes, nil
}

// besides are the repositories that are open beside the one with that root.
func (w *where) besides(root string) (others []string) {
	for _, r := range w.roots() {
		if r != root {
			others = append(others, r)
		}
	}
	return others
}
