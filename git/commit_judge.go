package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// checkIdentity refuses where a commit would have no author.
func (r *Repo) checkIdentity(ctx context.Context, at place) error {
	_, err := r.git.run(ctx, call{dir: at.top, at: at, args: []string{"var", "GIT_AUTHOR_IDENT"}})
	if exitCode(err) == 128 {
		return refuse(ErrIdentity, gitWords(err))
	}
	return err
}

// scopedSetting is a setting as the user's own git has it in a worktree.
type scopedSetting struct {
	Setting
	scope string
}

// plainSettings lists what git obeys in a worktree if nobody keeps anything from it.
// It runs no program.
func (r *Repo) plainSettings(ctx context.Context, top string) ([]scopedSetting, error) {
	out, err := r.git.run(ctx, call{dir: top, args: []string{"config", "--list", "-z", "--show-scope", "--includes"}})
	if err != nil {
		return nil, err
	}
	return parseScoped(out), nil
}

// parseScoped reads git config --list -z --show-scope: a scope, then a setting.
func parseScoped(out []byte) (list []scopedSetting) {
	fields := bytes.Split(out, []byte{0})
	for i := 0; i+1 < len(fields); i += 2 {
		if scope := string(fields[i]); scope != "command" {
			for _, s := range parseSettings(fields[i+1], "") {
				list = append(list, scopedSetting{s, scope})
			}
		}
	}
	return list
}

// configure says what the git that commits is kept from: filters that our git would
// not run either (see [Programs]), fsmonitor, maintenance behind it, and fetching
// where nobody approved that. Hooks and signing are the user's. It returns the filters
// that are not in effect.
func (c *OpenCommit) configure(ctx context.Context, plain []scopedSetting) (filters map[string]bool, err error) {
	list, fetch, err := c.repo.git.effective(ctx, c.at)
	if err != nil {
		return nil, err
	}
	ours := map[string]string{}
	for _, s := range list {
		ours[s.Key] = s.Value
	}
	config := [][2]string{{"core.fsmonitor", "false"}, {"gc.auto", "0"}, {"maintenance.auto", "false"}, {"core.fsync", "all"}}
	filters = map[string]bool{}
	lazy := false
	for _, s := range plain {
		section, name, key := s.parts()
		lazy = lazy || s.promises() && !fetch
		if section != "filter" {
			continue
		}
		value, is := ours[s.Key]
		if !is && key != "required" {
			filters[name] = true
		}
		if !is && key == "required" {
			value = "false"
		}
		config = append(config, [2]string{s.Key, value})
	}
	for name := range filters {
		filters[name] = ours["filter."+name+".clean"] == "" && ours["filter."+name+".process"] == ""
	}
	c.env = append(c.env, configEnv(config)...)
	if lazy {
		c.env = append(c.env, "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
	}
	c.findHooks(plain)
	return filters, nil
}

// commitHooks are those that a git commit runs, in their order.
func commitHooks() []string {
	return []string{"pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "reference-transaction", "post-index-change"}
}

// findHooks says which hooks the commit will run.
func (c *OpenCommit) findHooks(plain []scopedSetting) {
	dir := filepath.Join(c.at.common, "hooks")
	for _, s := range plain {
		if s.Key == "core.hookspath" && s.Value != "" {
			dir = userPath(c.at.top, s.Value)
			c.NoHooks = s.Value
		}
	}
	if isDir(dir) || endless(dir) { // /dev/null is a way to have none
		c.NoHooks = ""
	}
	for _, name := range commitHooks() {
		info, err := os.Stat(filepath.Join(dir, name))
		if err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || runtime.GOOS == "windows") {
			c.Hooks = append(c.Hooks, name)
		}
	}
}

// checkFilters refuses files that would be stored without the filter which the
// repository has for them.
func (c *OpenCommit) checkFilters(ctx context.Context, paths []string, off map[string]bool) error {
	if len(paths) == 0 || len(off) == 0 {
		return nil
	}
	out, err := c.repo.git.run(ctx, call{dir: c.at.top, at: c.at, stdin: strings.NewReader(strings.Join(paths, "\x00") + "\x00"),
		args: []string{"check-attr", "-z", "--stdin", "filter"}})
	if err != nil {
		return err
	}
	var bare []string
	fields := strings.Split(string(out), "\x00") // path, attribute, value
	for i := 0; i+2 < len(fields); i += 3 {
		if off[fields[i+2]] {
			bare = append(bare, fields[i]+" (filter "+fields[i+2]+")")
		}
	}
	return refuseAny(ErrUnapproved, bare)
}

// judge notes what the commit changes, and refuses what should not be in it.
func (c *OpenCommit) judge(ctx context.Context) error {
	changes, marked, err := c.changes(ctx)
	if err != nil {
		return err
	}
	var embedded []string
	for _, change := range changes {
		c.Files = append(c.Files, change.Path)
		if change.Mode == modeSubmodule && change.OldMode != modeSubmodule && !c.declared(ctx, change.Path) {
			embedded = append(embedded, change.Path)
		}
	}
	if err := refuseAny(ErrEmbedded, embedded); err != nil || marked == "" {
		return err
	}
	return c.checkMarkers(ctx, changes, marked)
}

// changes compares HEAD with the copy of the index, and gives what git marks in it as
// left of a conflict.
func (c *OpenCommit) changes(ctx context.Context) (list []Change, marked string, err error) {
	if c.from = c.Before; c.from == "" {
		empty, err := c.git(ctx, "", "hash-object", "-t", "tree", "--stdin")
		if err != nil {
			return nil, "", err
		}
		c.from = strings.TrimSpace(string(empty))
	}
	asked := make(chan error, 1)
	go func() {
		check, err := c.git(ctx, "", append([]string{"-c", "core.whitespace=-blank-at-eol,-blank-at-eof,-space-before-tab"}, c.diff("--check")...)...)
		if exitCode(err) == foundLeftover {
			marked, err = string(check), nil
		}
		asked <- err
	}()
	out, err := c.git(ctx, "", c.diff("--raw", "-z", "--no-abbrev")...)
	if err = errors.Join(err, <-asked); err != nil {
		return nil, "", err
	}
	list, err = parseRaw(out)
	return list, marked, err
}

const foundLeftover = 2 // git's exit code for diff --check that has found something

// diff are the arguments that compare HEAD with the copy of the index.
func (c *OpenCommit) diff(format ...string) []string {
	args := append([]string{"diff-index", "--cached", "--no-renames", "--no-ext-diff", "--no-textconv"}, format...)
	args = append(args, c.from)
	if len(c.paths) > 0 {
		args = append(append(args, "--"), c.paths...)
	}
	return args
}

// declared reports whether .gitmodules names a submodule at the path.
func (c *OpenCommit) declared(ctx context.Context, path string) bool {
	out, err := c.git(ctx, "", "config", "--blob", ":.gitmodules", "-z", "--get-regexp", `^submodule\..*\.path$`)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(parseSettings(out, ""), func(s Setting) bool { return s.Value == path })
}

const leftover = ": leftover conflict marker\n" // diff.c: checkdiff_consume

// checkMarkers refuses lines that the commit adds and a merge has left: all three
// kinds of marker in their order, since a line of seven equals signs is a heading.
func (c *OpenCommit) checkMarkers(ctx context.Context, changes []Change, marked string) error {
	var found []string
	for path, lines := range parseLeftover(marked, changes) {
		i := slices.IndexFunc(changes, func(change Change) bool { return change.Path == path })
		blob, err := c.git(ctx, "", "cat-file", "blob", changes[i].oid)
		if err != nil {
			return err
		}
		if n := conflictAt(bytes.Split(blob, []byte("\n")), lines); n > 0 {
			found = append(found, fmt.Sprintf("%s:%d", path, n))
		}
	}
	slices.Sort(found)
	return refuseAny(ErrMarkers, found)
}

// parseLeftover reads git diff --check: the marked lines of each file. Names are not
// quoted there and may have line breaks, so they are found by what changed.
func parseLeftover(out string, changes []Change) map[string][]int {
	lines := map[string][]int{}
	for out != "" {
		text, rest, ok := strings.Cut(out, leftover)
		if !ok {
			break
		}
		out = rest
		end := strings.LastIndexByte(text, ':')
		n, err := strconv.Atoi(text[end+1:])
		if end < 0 || err != nil {
			continue
		}
		path := ""
		for _, change := range changes {
			name, before := strings.CutSuffix(text[:end], change.Path)
			if before && (name == "" || strings.HasSuffix(name, "\n")) && len(change.Path) > len(path) {
				path = change.Path
			}
		}
		if path != "" {
			lines[path] = append(lines[path], n)
		}
	}
	return lines
}

// conflictAt is the first line of a conflict among marked lines; 0 where there is none.
func conflictAt(text [][]byte, marked []int) int {
	begin, middle := 0, false
	for _, n := range marked {
		if n < 1 || n > len(text) || len(text[n-1]) == 0 {
			continue
		}
		switch text[n-1][0] {
		case '<':
			begin, middle = n, false
		case '=':
			middle = begin > 0
		case '>':
			if middle {
				return begin
			}
		}
	}
	return 0
}
