//go:build unix

package gittest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WriteDeep writes a file below dir whose path is longer than any system call
// takes, and gives what leads to it.
func WriteDeep(t testing.TB, dir, name, content string) (path string) {
	t.Helper()
	const depth = 21
	part := strings.Repeat("d", 200)
	path = filepath.Join(strings.Repeat(part+"/", depth), name)
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close()
		err = root.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err == nil {
		err = root.WriteFile(path, []byte(content), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
