package main

import (
	"fmt"
	"slices"
	"strings"

	"wt-mcp/tools"
)

// toolsets is the value of a flag: which sets of tools are offered.
type toolsets []tools.Set

func defaultSets() toolsets { return toolsets{tools.Default, tools.Integrate} }

func (s *toolsets) String() string { return fmt.Sprint(*s) }

func (s *toolsets) Set(names string) error {
	var chosen toolsets
	for _, name := range strings.Split(names, ",") {
		set := tools.Set(strings.TrimSpace(name))
		switch {
		case set == "all":
			chosen = tools.Sets()
		case slices.Contains(tools.Sets(), set):
			chosen = append(chosen, set)
		default:
			return fmt.Errorf("there is no set %q; there are %v and all", name, tools.Sets())
		}
	}
	*s = chosen
	return nil
}
