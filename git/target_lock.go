package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state/osfs/flock"
)

// targetWait is the longest wait for the turn at a target branch, which is held for
// milliseconds.
const targetWait = 30 * time.Second

// TargetLock is the turn to move a branch, among the goroutines and processes of all of
// us; git and its users know nothing of it. It ends with the last process that has File
// open.
type TargetLock struct {
	Ref  string   // full name of the branch; where a symbolic one was named, of that which it means
	Head string   // its commit when the turn came
	File *os.File // for [Move].Inherit: a git that outlives us keeps the turn
}

// Unlock gives the turn to the next.
func (l *TargetLock) Unlock() { freeLock(l.File) }

// LockTarget waits for the turn at a branch, which is named in full or without
// refs/heads/. It fails with ErrNoBranch, or ErrBusy, which names the holder, where
// the turn does not come for long. No lock is broken, however old it is.
func (r *Repo) LockTarget(ctx context.Context, ref, op string) (*TargetLock, error) {
	if err := checkOp(op); err != nil {
		return nil, err
	}
	for {
		name, _, err := r.target(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("lock target %s: %w", ref, err)
		}
		file, err := r.targetTurn(ctx, name, op)
		if err != nil {
			return nil, fmt.Errorf("lock target %s: %w", ref, err)
		}
		now, head, err := r.target(ctx, ref)
		if err == nil && now == name {
			return &TargetLock{Ref: name, Head: head, File: file}, nil
		}
		freeLock(file)
		if err != nil {
			return nil, fmt.Errorf("lock target %s: %w", ref, err)
		}
	}
}

// target finds the branch that a name means, through symbolic refs, and its commit.
func (r *Repo) target(ctx context.Context, ref string) (name, oid string, err error) {
	name = "refs/heads/" + strings.TrimPrefix(ref, "refs/heads/")
	if err := CheckBranchName(strings.TrimPrefix(name, "refs/heads/")); err != nil {
		return "", "", err
	}
	out, err := r.read(ctx, "for-each-ref", "--format=%(refname) %(objectname) %(symref)", name)
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), " "); len(f) == 3 && f[0] == name {
			if f[2] != "" {
				name = f[2]
			}
			oid = f[1]
		}
	}
	if oid == "" || !isLocal(name) {
		return "", "", refuse(ErrNoBranch, ref)
	}
	return name, oid, nil
}

// targetTurn takes the lock and leaves there who has it.
func (r *Repo) targetTurn(ctx context.Context, ref, op string) (*os.File, error) {
	sum := sha256.Sum256([]byte(ref))
	file, err := r.openPrivate("land/" + hex.EncodeToString(sum[:16]) + ".lock")
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, targetWait)
	defer cancel()
	if err := waitLock(bounded, file); err != nil {
		holder := readHolder(file)
		file.Close()
		if ctx.Err() == nil && bounded.Err() != nil {
			return nil, fmt.Errorf("%w (%s)", refuse(ErrBusy, "the turn at "+ref+" is held by "+holder), filepath.Base(file.Name()))
		}
		return nil, err
	}
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt(fmt.Appendf(nil, "process %d, operation %s\n", os.Getpid(), op), 0) // for who waits
	}
	return file, nil
}

func readHolder(file *os.File) string {
	text := make([]byte, 200)
	n, _ := file.ReadAt(text, 0)
	if n == 0 {
		return "somebody"
	}
	return strings.TrimSpace(string(text[:n]))
}

// waitLock polls, because a blocking flock cannot be given up; the pauses are short
// beside the milliseconds for which such a lock is held.
func waitLock(ctx context.Context, file *os.File) error {
	for {
		err := flock.TryLock(file)
		if !errors.Is(err, flock.ErrHeld) {
			return err
		}
		if err := pause(ctx, time.Millisecond, 3*time.Millisecond); err != nil {
			return fmt.Errorf("wait for %s: %w", file.Name(), err)
		}
	}
}
