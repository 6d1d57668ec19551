package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// settings knows what git's configuration files say, and which of it counts: the
// user's programs are those of the moment when the repository was opened.
type settings struct {
	approved func(root, digest string) bool
	root     string

	mu     sync.Mutex
	parsed map[string][]Setting // by the text of a file
	user   *userSettings
}

// userSettings are those of the system's and the user's own files.
type userSettings struct {
	list  []Setting
	files []fileMark
}

// fileMark tells whether a file has changed.
type fileMark struct {
	name string
	info os.FileInfo // nil where there is none
}

func markOf(name string) fileMark {
	info, err := os.Stat(name)
	if err != nil {
		return fileMark{name: name}
	}
	return fileMark{name, info}
}

func (f fileMark) same() bool {
	now := markOf(f.name).info
	if f.info == nil || now == nil {
		return f.info == nil && now == nil
	}
	return os.SameFile(f.info, now) && f.info.Size() == now.Size() && f.info.ModTime().Equal(now.ModTime())
}

// effective are the settings for a git in that place, and whether it may fetch.
func (p *program) effective(ctx context.Context, at place) (list []Setting, fetch bool, err error) {
	user, err := p.userList(ctx)
	if err != nil {
		return nil, false, err
	}
	own, err := p.local(ctx, at, user)
	if err != nil {
		return nil, false, err
	}
	programs := p.judge(own, at.common)
	list = slices.Clone(user)
	for _, s := range own {
		if s.harmless || programs.Approved {
			list = append(list, s.Setting)
			fetch = fetch || s.promises()
		}
	}
	return list, fetch, nil
}

// userList reads the system's and the user's configuration. A change is taken
// while the program runs, but for programs.
func (p *program) userList(ctx context.Context) ([]Setting, error) {
	s := p.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user != nil && !slices.ContainsFunc(s.user.files, func(f fileMark) bool { return !f.same() }) {
		return s.user.list, nil
	}
	now, err := p.readUser(ctx)
	if err != nil {
		return nil, err
	}
	if s.user != nil {
		isProgram := func(s Setting) bool { return s.use() == programs }
		kept := slices.DeleteFunc(slices.Clone(s.user.list), func(s Setting) bool { return !isProgram(s) })
		now.list = append(kept, slices.DeleteFunc(now.list, isProgram)...)
	}
	s.user = now
	return now.list, nil
}

// readUser asks git, which knows where the files are and what they include under
// which condition.
func (p *program) readUser(ctx context.Context) (*userSettings, error) {
	u := &userSettings{}
	names := p.userFiles()
	for _, name := range names {
		u.files = append(u.files, markOf(name))
	}
	if err := checkSpecial(names); err != nil {
		return nil, err
	}
	out, err := p.listUser(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the user's git configuration: %w", err)
	}
	fields := strings.Split(string(out), "\x00") // scope, origin, setting
	for i := 0; i+2 < len(fields); i += 3 {
		if scope := fields[i]; scope != "system" && scope != "global" {
			continue
		}
		file := strings.TrimPrefix(fields[i+1], "file:")
		if !slices.Contains(names, file) {
			names = append(names, file)
			u.files = append(u.files, markOf(file))
		}
		for _, s := range parseSettings([]byte(fields[i+2]), file) {
			section, _, _ := s.parts()
			if s.use() != useless && section != "extensions" && s.Key != "core.repositoryformatversion" && s.Key != "core.bare" {
				u.list = append(u.list, s)
			}
		}
	}
	return u, nil
}

// listUser runs git outside of any repository, or in this one where somebody asks
// which it is; its own configuration is in neither.
func (p *program) listUser(ctx context.Context) ([]byte, error) {
	list := func(env ...string) ([]byte, error) {
		return p.run(ctx, call{dir: p.common(), env: env, args: []string{"config", "--list", "-z", "--show-scope", "--show-origin", "--includes"}})
	}
	out, err := list("GIT_DIR=" + filepath.Join(p.common(), "wt-mcp.none"))
	if err != nil || !bytes.Contains(out, []byte("\x00includeif.")) {
		return out, err
	}
	scratch, err := p.emptyRepository()
	if err != nil {
		return nil, err
	}
	defer scratch.Close()
	return list("GIT_DIR="+p.common(), "GIT_COMMON_DIR="+scratch.Dir, "GIT_OBJECT_DIRECTORY="+filepath.Join(p.common(), "objects"))
}

// localSetting is one of the repository's files.
type localSetting struct {
	Setting
	harmless bool // it counts unapproved
}

// local reads the repository's own configuration. What needs approval and says only
// what the user's does too is left out.
func (p *program) local(ctx context.Context, at place, user []Setting) ([]localSetting, error) {
	own, err := p.readConfig(ctx, filepath.Join(at.common, "config"), 0)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(own, func(s localSetting) bool { return s.Key == "extensions.worktreeconfig" && s.on() }) {
		mine, err := p.readConfig(ctx, filepath.Join(at.admin, "config.worktree"), maxIncludes)
		if err != nil {
			return nil, err
		}
		own = append(own, slices.DeleteFunc(mine, func(s localSetting) bool { return !s.harmless })...)
	}
	last := map[string]Setting{}
	for _, s := range user {
		last[s.Key] = s
	}
	twice := map[string]int{}
	for _, s := range own {
		twice[s.Key]++
	}
	return slices.DeleteFunc(own, func(s localSetting) bool {
		same, ok := last[s.Key]
		return s.use() == useless || ok && !s.harmless && twice[s.Key] == 1 && same.Value == s.Value && same.unset == s.unset
	}), nil
}

const maxIncludes = 10 // how deep files may include each other, as in git

// readConfig reads a file of the repository and what that includes. Conditional
// includes are not followed.
func (p *program) readConfig(ctx context.Context, name string, depth int) ([]localSetting, error) {
	text, err := readFile(name, configLimit)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	list, err := p.parse(ctx, name, text)
	if err != nil {
		return nil, err
	}
	var own []localSetting
	for _, s := range list {
		if !s.isInclude() {
			own = append(own, localSetting{s, depth == 0 && s.use() == harmless || depth == maxIncludes && s.use() == harmless})
			continue
		}
		if depth+1 >= maxIncludes {
			continue
		}
		more, err := p.readConfig(ctx, userPath(filepath.Dir(name), s.Value), depth+1)
		if errors.Is(err, ErrSpecial) || ctx.Err() != nil {
			return nil, err
		}
		own = append(own, more...) // one that cannot be read has no say
	}
	return own, nil
}

// parse lets git read the text of a file, once for each text.
func (p *program) parse(ctx context.Context, name string, text []byte) ([]Setting, error) {
	const most = 100
	s := p.settings
	s.mu.Lock()
	list, ok := s.parsed[string(text)]
	s.mu.Unlock()
	if !ok {
		none := filepath.Join(p.common(), "wt-mcp.none")
		out, err := p.run(ctx, call{dir: p.common(), stdin: bytes.NewReader(text), args: []string{"config", "--file", "-", "--no-includes", "-z", "--list"},
			env: []string{"GIT_DIR=" + none, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + none}})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		list = parseSettings(out, "")
		s.mu.Lock()
		if len(s.parsed) >= most {
			clear(s.parsed)
		}
		s.parsed[string(text)] = list
		s.mu.Unlock()
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].File = name
	}
	return list, nil
}

// userPath is a path in a configuration file.
func userPath(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return absolute(dir, path)
}

// Programs are what the repository's own configuration asks for and git would run,
// or connect to: filters, merge drivers, what fetches missing objects; and whatever
// it includes from other files. Nothing of it counts for a git of ours unless the
// user approved exactly that. What a config.worktree has of the kind never counts.
type Programs struct {
	Settings []Setting
	Digest   string // of the settings; empty where there are none
	Approved bool
}

// Drivers lists the filters and merge drivers among them, as in "filter.lfs".
func (p Programs) Drivers() (names []string) {
	for _, s := range p.Settings {
		if section, sub, _ := s.parts(); section == "filter" || section == "merge" && sub != "" {
			if name := section + "." + sub; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Drivers lists the filters and merge drivers that git is given: the user's, and the
// repository's where they are approved.
func (r *Repo) Drivers(ctx context.Context) ([]string, error) {
	list, _, err := r.git.effective(ctx, r.pin("", ""))
	return Programs{Settings: list}.Drivers(), err
}

// waitsForApproval reports whether this is a partial clone that nobody approved.
func (r *Repo) waitsForApproval(ctx context.Context) bool {
	asked, err := r.Programs(ctx)
	return err == nil && !asked.Approved && slices.ContainsFunc(asked.Settings, Setting.promises)
}

// Programs says what the repository's configuration asks for now.
func (r *Repo) Programs(ctx context.Context) (Programs, error) {
	user, err := r.git.userList(ctx)
	if err != nil {
		return Programs{}, fmt.Errorf("read git's configuration: %w", err)
	}
	own, err := r.git.local(ctx, r.pin("", ""), user)
	if err != nil {
		return Programs{}, fmt.Errorf("read git's configuration: %w", err)
	}
	return r.git.judge(own, r.common), nil
}

// judge gathers what needs approval, and asks for it.
func (p *program) judge(own []localSetting, common string) (found Programs) {
	promised := slices.ContainsFunc(own, func(s localSetting) bool { return s.promises() })
	digest := sha256.New()
	for _, s := range own {
		section, _, name := s.parts()
		if s.harmless && !(promised && section == "remote" && name == "url") {
			continue
		}
		fmt.Fprintf(digest, "%q %q %t\n", s.Key, s.Value, s.unset)
		if name == "extraheader" {
			s.Value = "(not shown)"
		}
		found.Settings = append(found.Settings, s.Setting)
	}
	if len(found.Settings) == 0 {
		return Programs{}
	}
	found.Digest = hex.EncodeToString(digest.Sum(nil))
	found.Approved = common == p.common() && p.settings.approved != nil && p.settings.approved(p.settings.root, found.Digest)
	return found
}
