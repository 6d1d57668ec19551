//go:build !linux

package state

// readContent reads a task file.
func (s *Store) readContent(name string) (content, error) { return s.contentOf(name) }
