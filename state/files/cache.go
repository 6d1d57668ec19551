package files

const maxCache = 16 << 20

// ReadCache returns a private file that [Store.WriteCache] wrote. What is kept in
// one can be found out again.
func (s *Store) ReadCache(name string) ([]byte, error) { return s.readFile(s.private(name), maxCache) }

// WriteCache replaces a private file, whole or not at all; it need not survive a crash.
func (s *Store) WriteCache(name string, data []byte) error {
	file := s.private(name)
	if err := s.writeNew(tempName(file), data); err != nil {
		return err
	}
	return s.fs.Rename(tempName(file), file)
}

// TryLock takes a private lock without waiting; ErrLockHeld where somebody has it.
func (s *Store) TryLock(name string) (unlock func(), err error) {
	f, err := s.disk.tryLock(s.private(name))
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}
