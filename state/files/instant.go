package files

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"wt-mcp/state"
)

// instant is the board as its files have it, with what is committed but not in the
// files yet.
type instant struct {
	store *Store
	over  map[string]*string // by key; nil: no file
	seq   *int64             // the newest sequence number; nil: the log says

	logSize *int64   // how much of the event log counts; nil: all of it
	lines   [][]byte // the lines that follow it
}

func (i *instant) Read(key string, limit int64) ([]byte, error) {
	if content, ok := i.over[key]; ok {
		if content == nil {
			return nil, fs.ErrNotExist
		}
		return []byte(*content), nil
	}
	return i.store.readFile(i.store.abs(key), limit)
}

func (i *instant) List(dir string) ([]string, error) {
	names, err := i.store.names(i.store.abs(dir))
	for key := range i.over {
		if name, ok := strings.CutPrefix(key, dir+"/"); ok {
			names = append(names, name)
		}
	}
	return names, err
}

func (i *instant) Tasks() (*state.Tasks, error) {
	tasks, err := i.store.tasks.now()
	if err != nil {
		return nil, err
	}
	return tasks.Over(i.over, i.store.abs), nil
}

func (i *instant) Where(key string) string     { return i.store.abs(key) }
func (i *instant) Going(operation string) bool { return i.store.Going(operation) }
func (i *instant) Now() float64                { return i.store.Now() }
func (i *instant) Boot() string                { return i.store.boot }
func (i *instant) Uptime() time.Duration       { return i.store.uptime() }

// names lists a directory; a missing one is empty.
func (s *Store) names(dir string) ([]string, error) {
	f, err := s.fs.Open(dir)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}
