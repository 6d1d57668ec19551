package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
)

// Quarantine is a place for objects that are of use for a while: what git makes in it
// never reaches the repository, whose objects it can read. It goes with Close, or, where
// its process was killed, with the next sweep. It is safe for goroutines.
type Quarantine struct {
	scratch *scratch
	common  string // the repository's
}

// NewQuarantine makes an empty one.
func (r *Repo) NewQuarantine() (*Quarantine, error) {
	s, err := r.git.scratch()
	if err != nil {
		return nil, err
	}
	q := &Quarantine{scratch: s, common: r.common}
	if err := os.Mkdir(q.objects(), 0o700); err != nil {
		s.Close()
		return nil, err
	}
	return q, nil
}

// In is the repository with the objects of a quarantine: what is made through it stays
// there.
func (r *Repo) In(q *Quarantine) *Repo {
	own, program := *r, *r.git
	program.objects = []string{"GIT_OBJECT_DIRECTORY=" + q.objects(), alternates([]string{alternate(filepath.Join(q.common, "objects"))})}
	own.git = &program
	return &own
}

// Close removes it with its objects.
func (q *Quarantine) Close() error { return q.scratch.Close() }

func (q *Quarantine) objects() string { return q.path("objects") }

func (q *Quarantine) path(name string) string { return filepath.Join(q.scratch.Dir, name) }

// holding has a git write its objects into the quarantine, and read those of others as
// well. What is flushed there would help nobody.
func (q *Quarantine) holding(c call, others ...*Quarantine) call {
	read := []string{alternate(filepath.Join(q.common, "objects"))}
	for _, other := range others {
		read = append(read, alternate(other.objects()))
	}
	c.config = append(c.config, "-c", "core.fsync=none")
	c.env = append(c.env, "GIT_OBJECT_DIRECTORY="+q.objects(), alternates(read))
	return c
}

// beside has a git write into the repository, and read what the quarantine has too.
func (q *Quarantine) beside(c call) call {
	c.env = append(c.env, alternates([]string{alternate(q.objects())}))
	return c
}

func alternates(dirs []string) string {
	return "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + strings.Join(dirs, string(filepath.ListSeparator))
}

// commit puts a commit of a tree into the quarantine, for git to compute with.
func (q *Quarantine) commit(tree string, parents ...string) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "tree %s\n", tree)
	for _, parent := range parents {
		fmt.Fprintf(&text, "parent %s\n", parent)
	}
	const nobody = "wt-mcp <wt-mcp@wt-mcp.invalid> 0 +0000"
	fmt.Fprintf(&text, "author %s\ncommitter %s\n\n", nobody, nobody)
	return q.write("commit", text.String(), len(tree))
}

// write puts a loose object into the quarantine (gitformat-loose(5)); digits is the
// length of the repository's object ids.
func (q *Quarantine) write(kind, content string, digits int) (string, error) {
	object := fmt.Sprintf("%s %d\x00%s", kind, len(content), content)
	var sum hash.Hash = sha1.New()
	if digits == 2*sha256.Size {
		sum = sha256.New()
	}
	sum.Write([]byte(object))
	oid := hex.EncodeToString(sum.Sum(nil))
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write([]byte(object)) // a buffer takes all
	_ = z.Close()
	name := filepath.Join(q.objects(), oid[:2], oid[2:])
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", err
	}
	return oid, os.WriteFile(name, packed.Bytes(), 0o600)
}
