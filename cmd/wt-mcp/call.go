package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"wt-mcp/server/desk"
	"wt-mcp/state"
	"wt-mcp/tools"
)

// caller makes one tool call under the rules that MCP clients have.
type caller struct {
	*program
	sets toolsets
}

func callCommand(p *program) command {
	c := &caller{p, defaultSets()}
	return command{
		name: "call", args: "TOOL [JSON]", summary: "make one tool call and print its answer",
		detail: "the exit code is 1 if the answer is an error",
		flags:  c.flags, run: c.run,
	}
}

func (c *caller) flags(f *flag.FlagSet) {
	c.serverFlags(f, &c.sets)
	c.jsonFlag(f)
}

func (c *caller) run(ctx context.Context, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return usageError{fmt.Errorf("call takes the name of a tool and its arguments as JSON")}
	}
	input := json.RawMessage("{}")
	if len(args) == 2 {
		input = json.RawMessage(args[1])
	}
	if !json.Valid(input) {
		return usageError{fmt.Errorf("the arguments are no JSON: %s", state.Visible(state.Clip(args[1], 200)))}
	}
	d := c.desk(c.sets, c.places)
	defer d.Close()
	answer, err := d.Client(desk.Nowhere).Call(ctx, args[0], input, tools.Caller{Actor: "cli", Waiting: true})
	if err != nil {
		return c.tell(err)
	}
	return c.print(answer)
}

// tell prints why something was refused, in the words that a client gets.
func (p *program) tell(err error) error {
	fmt.Fprintln(p.stderr, desk.ErrorText(err))
	return errTold
}

func (p *program) print(answer tools.Answer) error {
	if !p.json {
		_, err := fmt.Fprintln(p.stdout, answer.Words())
		return err
	}
	return p.printJSON(answer)
}
