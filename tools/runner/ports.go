package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs/flock"
)

// Ports are given out in blocks of ten between 20000 and 31999, below what
// systems take for outgoing connections. Where a board begins depends on its
// path, so that two boards of one machine seldom meet.
const (
	firstPort  = 20000
	blockPorts = 10
	portBlocks = 1200
)

// PortBase returns the first of ten ports that no other live worktree of the
// board has: always the same for a name as long as a worktree of that name
// lives. live is called while no other process gives out ports.
func (j *Jobs) PortBase(name string, live func() ([]string, error)) (int, error) {
	if err := makeDir(j.dir, j.sharing()); err != nil {
		return 0, err
	}
	private := filepath.Dir(j.dir)
	unlock, err := waitLock(private, "ports")
	if err != nil {
		return 0, err
	}
	defer unlock.Close()
	blocks := filepath.Join(private, "ports.json")
	base, err := allocate(blocks, name, live)
	_ = j.sharing().AdjustPrivate(unlock)
	if f, err := openFile(blocks, os.O_RDONLY, 0); err == nil {
		_ = j.sharing().AdjustPrivate(f)
		f.Close()
	}
	return base, err
}

// waitLock takes a lock that is never held for long.
func waitLock(dir, name string) (*os.File, error) {
	for deadline := time.Now().Add(lastWait); ; time.Sleep(time.Millisecond) {
		f, err := takeLock(dir, name)
		if err == nil || !errors.Is(err, flock.ErrHeld) || time.Now().After(deadline) {
			return f, err
		}
	}
}

// allocate finds the block of a name in a file, or takes a free one. Blocks of
// names that are not live are free.
func allocate(path, name string, live func() ([]string, error)) (int, error) {
	blocks := map[string]int{}
	data, err := readFile(path, maxRecord)
	if err == nil {
		err = json.Unmarshal(data, &blocks)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read port blocks %s: %w", path, err)
	}
	name = strings.ToLower(name)
	if block, ok := blocks[name]; ok {
		return firstPort + block*blockPorts, nil
	}
	names, err := live()
	if err != nil {
		return 0, err
	}
	taken := map[int]bool{}
	for owner, block := range blocks {
		if slices.ContainsFunc(names, func(l string) bool { return strings.EqualFold(l, owner) }) {
			taken[block] = true
		} else {
			delete(blocks, owner)
		}
	}
	h := fnv.New32a()
	h.Write([]byte(path))
	first := int(h.Sum32() % portBlocks)
	for i := range portBlocks {
		block := (first + i) % portBlocks
		if !taken[block] {
			blocks[name] = block
			return firstPort + block*blockPorts, writeBlocks(path, blocks)
		}
	}
	return 0, fmt.Errorf("all %d blocks of ports are taken", portBlocks)
}

func writeBlocks(path string, blocks map[string]int) error {
	data, err := json.Marshal(blocks)
	if err == nil {
		err = replaceFile(path, data)
	}
	if err != nil {
		return fmt.Errorf("write port blocks: %w", err)
	}
	return nil
}
