package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

const syncRefs = "refs/wt-mcp/sync/"

// KeptHead is where a branch was before an operation put it onto something else, and
// where that put it. Refs of ours hold all three; they stay until somebody deletes them.
type KeptHead struct {
	Op       string
	From, To string // the branch before and after, object ids
	Base     string // what its work had begun from; "" where that is not known
}

// KeptRef names the ref that holds where a branch was.
func KeptRef(op string) string { return syncRefs + op + "/from" }

// KeepHead writes the refs, all or none. It may be repeated.
func (r *Repo) KeepHead(ctx context.Context, k KeptHead, inherit ...*os.File) error {
	if err := checkOp(k.Op); err != nil {
		return err
	}
	var list strings.Builder
	for name, oid := range k.refs() {
		if oid != "" && !isObjectID(oid) {
			return fmt.Errorf("%w: object id %.100q", ErrInvalidName, oid)
		}
		if oid != "" {
			fmt.Fprintf(&list, "update %s%s/%s %s\n", syncRefs, k.Op, name, oid)
		}
	}
	_, err := r.git.run(ctx, call{args: []string{"update-ref", "--stdin"}, dir: r.common, at: r.pin("", ""), op: true, inherit: inherit,
		stdin: strings.NewReader(list.String())})
	if err != nil {
		return fmt.Errorf("keep the old head: %w", err)
	}
	return nil
}

func (k KeptHead) refs() map[string]string {
	return map[string]string{"from": k.From, "to": k.To, "base": k.Base}
}

// KeptHead finds what KeepHead has kept, by the name of [KeptRef].
func (r *Repo) KeptHead(ctx context.Context, ref string) (k KeptHead, ok bool, err error) {
	op, fits := strings.CutPrefix(ref, syncRefs)
	op, from := strings.CutSuffix(op, "/from")
	if !fits || !from || checkOp(op) != nil {
		return k, false, nil
	}
	refs, err := r.refs(ctx, syncRefs+op)
	k = KeptHead{Op: op, From: refs[ref], To: refs[syncRefs+op+"/to"], Base: refs[syncRefs+op+"/base"]}
	return k, k.From != "" && k.To != "", err
}

// DropKeptHead removes the refs of an operation that came to nothing.
func (r *Repo) DropKeptHead(ctx context.Context, op string) error {
	if err := checkOp(op); err != nil {
		return err
	}
	refs, err := r.refs(ctx, syncRefs+op)
	for name, oid := range refs {
		_, e := r.git.run(ctx, call{args: []string{"update-ref", "--no-deref", "-d", "--end-of-options", name, oid}, dir: r.common, at: r.pin("", ""), op: true})
		err = errors.Join(err, e)
	}
	return err
}

// Contains reports whether a commit has another one among its ancestors, or is it.
func (r *Repo) Contains(ctx context.Context, commit, other string) (bool, error) {
	if !isObjectID(commit) || !isObjectID(other) {
		return false, fmt.Errorf("%w: object ids %.100q, %.100q", ErrInvalidName, commit, other)
	}
	_, err := r.read(ctx, "merge-base", "--is-ancestor", other, commit)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}
