package git

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

// Sharing says who may use the repository's files, as core.sharedRepository has it.
// git is asked once. A value that git would not take shares nothing.
func (r *Repo) Sharing() osfs.Sharing { return r.sharing() }

func (p *program) askSharing(common string) osfs.Sharing {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := p.run(ctx, call{dir: common, args: []string{"config", "--get", "core.sharedRepository"}})
	if err != nil { // it is not set
		return osfs.Sharing{}
	}
	s, err := osfs.ParseSharing(strings.TrimSpace(string(out)))
	if err != nil {
		return osfs.Sharing{}
	}
	return s
}

// openPrivate opens a file in our directory of the common one, and makes both if
// need be.
func (r *Repo) openPrivate(name string) (*os.File, error) {
	common, err := osfs.Open(r.common)
	if err != nil {
		return nil, err
	}
	defer common.Close()
	if err := common.MkdirAll(path.Dir(dirName+"/"+name), 0o700, r.sharing()); err != nil {
		return nil, fmt.Errorf("make %s: %w", filepath.Join(r.common, dirName), err)
	}
	file, err := common.OpenFile(dirName+"/"+name, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		_ = r.sharing().AdjustPrivate(file)
	}
	return file, err
}
