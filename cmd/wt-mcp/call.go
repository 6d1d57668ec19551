package main

import (
	"context"
	"encoding/json"
	"fmt"

	"wt-mcp/server"
	"wt-mcp/tools"
)

// call makes one tool call under the rules that MCP clients have.
func (p *program) call(ctx context.Context, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return usageError{fmt.Errorf("call takes the name of a tool and its arguments as JSON")}
	}
	input := json.RawMessage("{}")
	if len(args) == 2 {
		input = json.RawMessage(args[1])
	}
	if !json.Valid(input) {
		return usageError{fmt.Errorf("the arguments are no JSON: %s", args[1])}
	}
	s, err := p.server()
	if err != nil {
		return err
	}
	defer s.Close()
	answer, err := s.Call(ctx, args[0], input, tools.Caller{Actor: "cli"})
	if err != nil {
		return p.tell(err)
	}
	return p.print(answer)
}

// tell prints why something was refused, in the words that a client gets.
func (p *program) tell(err error) error {
	fmt.Fprintln(p.stderr, server.ErrorText(err))
	return errTold
}

func (p *program) print(answer tools.Answer) error {
	if !p.json {
		_, err := fmt.Fprintln(p.stdout, answer.Text)
		return err
	}
	return p.printJSON(answer.Value)
}
