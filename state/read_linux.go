package state

import "time"

// readContent is contentOf where the file is in dir, a directory of the disk's; nil
// on another file system.
func (s *Store) readContent(dir *folder, id int) (c content, err error) {
	if dir == nil {
		return s.contentOf(s.abs(taskPath(id)))
	}
	began := time.Now()
	data, st, err := dir.Read(taskName(id), maxTaskFile)
	c = content{data: data, file: identityOf(&st)}
	c.sure = c.file.settled(began)
	return c, err
}
