package files

import "wt-mcp/state"

import "wt-mcp/state/osfs"

// CheckFileSystem refuses directories on file systems on which a lock taken by
// one machine may not hold on another, or not at all.
func CheckFileSystem(dirs ...string) error {
	for _, dir := range dirs {
		if kind := osfs.NetworkFS(dir); kind != "" {
			return state.Errorf(state.ReadOnly, "keep the repository on a local disk; if only one machine uses it, set WT_MCP_ALLOW_NETFS=1",
				"%s is on a %s file system, where locks cannot be trusted", dir, kind).With("file_system", kind)
		}
	}
	return nil
}
