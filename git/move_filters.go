package git

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// checkFilters refuses a move that would write files for which the commit names a
// filter of the repository's configuration, where nobody has approved that.
func (mv *moving) checkFilters(ctx context.Context) error {
	programs, err := mv.repo.Programs(ctx)
	drivers := slices.DeleteFunc(programs.Drivers(), func(name string) bool { return !strings.HasPrefix(name, "filter.") })
	if err != nil || programs.Approved || len(drivers) == 0 || len(mv.changes) == 0 {
		return err
	}
	named, err := mv.filters(ctx)
	if err != nil {
		return err
	}
	drivers = slices.DeleteFunc(drivers, func(name string) bool { return !named[strings.TrimPrefix(name, "filter.")] })
	return refuseAny(ErrUnapproved, drivers)
}

// filters is the set of filters that the attributes of the new commit name for the
// files that change.
func (mv *moving) filters(ctx context.Context) (map[string]bool, error) {
	scratch, err := mv.repo.git.scratch()
	if err != nil {
		return nil, err
	}
	defer scratch.Close()
	run := func(stdin string, args ...string) ([]byte, error) {
		return mv.repo.git.run(ctx, call{args: args, dir: mv.repo.common, at: mv.repo.pin("", ""), stdin: strings.NewReader(stdin),
			env: []string{"GIT_INDEX_FILE=" + filepath.Join(scratch.Dir, "index")}})
	}
	if _, err := run("", "read-tree", "--end-of-options", mv.New); err != nil {
		return nil, err
	}
	var asked strings.Builder
	for _, c := range mv.changes {
		asked.WriteString(c.path + "\x00")
	}
	out, err := run(asked.String(), "check-attr", "--cached", "-z", "--stdin", "filter")
	named := map[string]bool{}
	for f := strings.Split(string(out), "\x00"); len(f) >= 3; f = f[3:] { // path, attribute, value
		named[f[2]] = true
	}
	return named, err
}
