package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/server/desk"
	"wt-mcp/state"
	"wt-mcp/tools"
)

// Two clients of one desk share its board and none of their claims, whatever they
// call themselves.
func TestClaimsAreTheirClients(t *testing.T) {
	s := newScratch(t)
	opened := 0
	p := &program{repo: s.dir, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	d := desk.New(desk.Config{Sets: tools.Sets(), Log: p.log, Places: p.places, Find: func(ctx context.Context, place desk.Place) (desk.Repository, error) {
		opened++
		return p.find(ctx, place)
	}})
	defer d.Close()
	call := func(c *desk.Client, tool, args string) error {
		_, err := c.Call(t.Context(), tool, json.RawMessage(args), tools.Caller{Actor: "same"})
		return err
	}
	ann, bob := d.Client(desk.Nowhere), d.Client(desk.Nowhere)
	require.NoError(t, call(ann, "task_create", `{"subject":"one"}`))
	require.NoError(t, call(bob, "task_get", `{"task_id":1}`), "on the same board")
	require.NoError(t, call(ann, "task_claim", `{"task_id":1,"owner":"same"}`))
	require.NoError(t, call(ann, "task_update", `{"task_id":1,"note":"mine"}`), "the claim need not be repeated")
	err := call(bob, "task_update", `{"task_id":1,"note":"not mine"}`)
	require.Equal(t, state.ClaimHeld, state.CodeOf(err), "%v", err)
	require.NoError(t, call(ann, "task_update", `{"task_id":1,"status":"completed"}`))

	require.Equal(t, 2, opened, "each client looks where it is")
	ann.Moved()
	require.NoError(t, call(ann, "task_list", `{}`))
}
