package files

import (
	"testing"

	"wt-mcp/state"
	"wt-mcp/state/statetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) func() state.Store {
		_, root := newBoard(t)
		return func() state.Store { return openBoard(root) }
	})
}
