package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"wt-mcp/state/osfs"
	"wt-mcp/state/osfs/flock"
)

// alive reports whether the process of another's ticket lives.
func (t *ticket) alive() bool {
	err := flock.TryRLock(t.lock)
	if err == nil {
		_ = flock.Unlock(t.lock)
	}
	return errors.Is(err, flock.ErrHeld)
}

// waits reports whether another's ticket is there to be taken.
func (t *ticket) waits() bool {
	if !t.alive() {
		return false
	}
	var there bool
	err := t.in(func(dir *osfs.Dir) error {
		_, err := dir.Lstat(t.number + waitSuffix)
		there = err == nil
		return nil
	})
	return err == nil && there
}

// take reports whether it was not withdrawn. Of two who rename one file one does.
func (t *ticket) take() bool {
	return t.in(func(dir *osfs.Dir) error {
		err := dir.Rename(t.number+waitSuffix, t.number+takenSuffix)
		if err != nil {
			_, err = dir.Lstat(t.number + takenSuffix) // by one who died
		}
		return err
	}) == nil
}

func (t *ticket) giveBack() {
	_ = t.in(func(dir *osfs.Dir) error { return dir.Rename(t.number+takenSuffix, t.number+waitSuffix) })
}

func (t *ticket) withdraw() bool {
	const gone = ".gone"
	return t.in(func(dir *osfs.Dir) error {
		err := dir.Rename(t.number+waitSuffix, t.number+gone)
		if err == nil {
			err = dir.Remove(t.number + gone)
		}
		return err
	}) == nil
}

// settle leaves the outcome for the process of the item.
func (t *ticket) settle(out any) error {
	data, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("write outcome: %w", err)
	}
	return t.in(func(dir *osfs.Dir) error {
		temp := t.number + ".tmp"
		f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("write outcome: %w", err)
		}
		if info, statErr := t.lock.Stat(); statErr == nil {
			_ = f.Chmod(info.Mode().Perm())
		}
		_, err = f.Write(data)
		if err = errors.Join(err, f.Close()); err == nil {
			err = dir.Rename(temp, t.number+outSuffix)
		}
		if err != nil {
			_ = dir.Remove(temp)
			return fmt.Errorf("write outcome: %w", err)
		}
		_ = dir.Remove(t.number + takenSuffix)
		_ = dir.Remove(t.number + waitSuffix)
		return nil
	})
}

func (t *ticket) outcome(out any) error {
	return t.in(func(dir *osfs.Dir) error {
		data, err := dir.ReadFile(t.number+outSuffix, maxTicket)
		if err == nil {
			err = json.Unmarshal(data, out)
		}
		if err != nil {
			return fmt.Errorf("read outcome: %w", err)
		}
		return nil
	})
}

// drop removes a ticket of ours, however it stands.
func (t *ticket) drop() {
	if t == nil {
		return
	}
	_ = t.in(func(dir *osfs.Dir) error {
		for _, suffix := range []string{waitSuffix, takenSuffix, outSuffix} {
			_ = dir.Remove(t.number + suffix)
		}
		return nil
	})
	t.close()
}

func (t *ticket) close() { t.lock.Close() }

func (t *ticket) in(do func(*osfs.Dir) error) error {
	dir, err := t.dir()
	if err != nil {
		return err
	}
	defer dir.Close()
	return do(dir)
}
