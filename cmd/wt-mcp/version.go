package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

func versionCommand(p *program) command {
	return command{
		name: "version", summary: "say which version this is; --version too",
		run: func(context.Context, []string) error { return p.printVersion() },
	}
}

func (p *program) printVersion() error {
	_, err := fmt.Fprintln(p.stdout, "wt-mcp", version())
	return err
}

// version is that of the module, or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
