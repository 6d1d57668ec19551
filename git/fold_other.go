//go:build !linux

package git

import "strings"

// foldName gives what git and the file system take for one name. exact says that
// it can be told: of letters beyond ASCII there may be two spellings.
func foldName(path string) (key string, exact bool) {
	return strings.ToLower(path), strings.IndexFunc(path, func(c rune) bool { return c >= 0x80 }) < 0
}
