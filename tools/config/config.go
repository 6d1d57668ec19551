// Package config reads what runs are allowed and what makes a new worktree ready:
// the user's own file, and the one that a repository brings along.
//
// The repository's file may come from a stranger. Of a file that the user has not
// approved only what narrows takes effect: a shorter timeout or ceiling, a
// smaller log, variables that are taken away. Approval (Approve) is of one
// content: a file that changed is a stranger's again. A file that is broken is
// an error that names file and line; nothing of it is guessed.
//
// Load reads the files anew each time, so a change needs no restart.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"

	"wt-mcp/state/osfs"
)

// RepositoryFile is the name of the repository's file, in the main checkout.
const RepositoryFile = ".wt-mcp.toml"

const (
	maxFile      = 64 << 10
	maxApprovals = 16 << 20
)

// Settings are what a run is allowed.
type Settings struct {
	DefaultTimeout time.Duration // where a call names none
	MaxTimeout     time.Duration // the most that a call may name
	Shell          string        // empty: the system's
	Allow          []string      // names of variables passed on beside the built-in ones; * ends a prefix
	Deny           []string      // names not passed on, whatever allows them
	LogLimit       int64         // bytes of one run's output kept on disk
	KeepLogs       time.Duration // how long the logs of runs that are over are kept
	KeepBytes      int64         // how much of them at most
	Setup          []string      // shell commands that make a new worktree ready, in their order
	Submodules     bool          // a new worktree gets its submodules
	SetupWaits     bool          // the repository's file asks for one of these two, unapproved
	KeepTrash      time.Duration // how long the files of removed worktrees are kept
	TrashBytes     int64         // how much of them at most
	SnapshotBytes  int64         // files in one snapshot at most
	Checks         []Check       // what must pass on a tree before it lands, in this order
	CheckTimeout   time.Duration // for all of them together
	CheckFresh     bool          // nothing is left from the check before
	ChecksWait     bool          // the repository's file asks for checks that are not approved
	Trailers       []string      // of the commits that a landing makes, such as "Wt-Task: {task}"

	Notes []string // what is not in effect, and why
}

// Defaults are the settings where no file says otherwise.
func Defaults() Settings {
	return Settings{DefaultTimeout: 300 * time.Second, MaxTimeout: 24 * time.Hour, LogLimit: 64 << 20,
		KeepLogs: 14 * 24 * time.Hour, KeepBytes: 2 << 30,
		KeepTrash: 14 * 24 * time.Hour, TrashBytes: 20 << 30, SnapshotBytes: 2 << 30, CheckTimeout: 30 * time.Minute,
		Trailers: []string{"Wt-Task: {task}"}}
}

// Files says where the files are. An empty name stands for no file.
type Files struct {
	User       string
	Repository string
	Approvals  string
}

// Find returns the usual places for a repository with that main checkout.
func Find(getenv func(string) string, checkout string) Files {
	f := Files{Repository: filepath.Join(checkout, RepositoryFile)}
	if dir := xdg(getenv, "XDG_CONFIG_HOME", ".config"); dir != "" {
		f.User = filepath.Join(dir, "wt-mcp", "config.toml")
	}
	if dir := xdg(getenv, "XDG_STATE_HOME", filepath.Join(".local", "state")); dir != "" {
		f.Approvals = filepath.Join(dir, "wt-mcp", "approved")
	}
	return f
}

func xdg(getenv func(string) string, name, below string) string {
	if dir := getenv(name); filepath.IsAbs(dir) {
		return dir
	}
	for _, home := range []string{"HOME", "USERPROFILE"} {
		if dir := getenv(home); filepath.IsAbs(dir) {
			return filepath.Join(dir, below)
		}
	}
	return ""
}

// content is a file as it is written. What is absent is nil.
type content struct {
	DefaultTimeout *float64 `toml:"default_timeout_seconds"`
	MaxTimeout     *float64 `toml:"max_timeout_seconds"`
	Shell          *string  `toml:"shell"`
	Env            struct {
		Allow []string `toml:"allow"`
		Deny  []string `toml:"deny"`
	} `toml:"env"`
	Log struct {
		LimitMB  *float64 `toml:"limit_mb"`
		KeepDays *float64 `toml:"keep_days"`
		KeepMB   *float64 `toml:"keep_mb"`
	} `toml:"log"`
	Worktree struct {
		Setup      []string `toml:"setup"`
		Submodules bool     `toml:"submodules"`
	} `toml:"worktree"`
	Trash struct {
		KeepDays   *float64 `toml:"keep_days"`
		KeepMB     *float64 `toml:"keep_mb"`
		SnapshotMB *float64 `toml:"snapshot_mb"`
	} `toml:"trash"`
	gating
}

// Load returns the settings in effect.
func (f Files) Load() (Settings, error) {
	s := Defaults()
	own, _, err := read(f.User, ownFile)
	switch {
	case err != nil && !reachable(f.User):
		s.Notes = append(s.Notes, f.User+" cannot be looked for, so no settings of the user are in effect: HOME or XDG_CONFIG_HOME leads where the server may not look")
	case err != nil:
		return s, err
	}
	s.take(own)
	theirs, data, err := read(f.Repository, osfs.ReadFile)
	if err != nil {
		return s, err
	}
	gate, err := f.judge(&s, theirs, data)
	if err != nil {
		return s, err
	}
	err = s.gate(own.gating.with(gate))
	return s.sound(), err
}

// judge takes what counts of the repository's file, and returns the gating in force.
func (f Files) judge(s *Settings, theirs content, data []byte) (gating, error) {
	if data != nil {
		approved, err := f.approved(data)
		if err != nil {
			return gating{}, err
		}
		if approved {
			s.take(theirs)
			return theirs.gating, nil
		}
		s.narrow(theirs)
	}
	last, err := f.approvedGating()
	s.ChecksWait = data != nil && !theirs.gating.same(last)
	return last, err
}

// reachable reports whether the system lets us ask for a file of that name.
func reachable(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR)
}

// ownFile reads a file of the user's, who may keep it elsewhere and have a link here.
func ownFile(name string, limit int64) ([]byte, error) {
	there, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, err
	}
	return osfs.ReadFile(there, limit)
}

func read(name string, get func(string, int64) ([]byte, error)) (c content, data []byte, err error) {
	if name == "" {
		return c, nil, nil
	}
	data, err = get(name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, nil
	}
	if err != nil {
		return c, nil, fmt.Errorf("read configuration: %w", err)
	}
	c, err = parse(name, data)
	return c, data, err
}

// parse reads a file. The error names file and line.
func parse(name string, data []byte) (content, error) {
	var c content
	err := toml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))).DisallowUnknownFields().Decode(&c)
	var unknown *toml.StrictMissingError
	var broken *toml.DecodeError
	switch {
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		row, _ := unknown.Errors[0].Position()
		return c, fmt.Errorf("%s:%d: there is no setting %q", name, row, strings.Join(unknown.Errors[0].Key(), "."))
	case errors.As(err, &broken):
		row, _ := broken.Position()
		return c, fmt.Errorf("%s:%d: %s", name, row, strings.TrimPrefix(broken.Error(), "toml: "))
	case err != nil:
		return c, fmt.Errorf("%s: %w", name, err)
	}
	key, fault := c.fault()
	if fault == "" {
		return c, nil
	}
	return c, fmt.Errorf("%s:%d: %s %s", name, lineOf(data, key), key, fault)
}

// trailer is a line as git-interpret-trailers(1) has them.
var trailer = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,60}: [^\x00-\x1f\x7f]{1,300}$`)

var variable = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*\*?)$`)

// fault names the first setting that cannot be meant.
func (c content) fault() (key, what string) {
	const year = 366 * 24 * 3600
	for _, n := range []struct {
		key      string
		value    *float64
		min, max float64
	}{
		{"default_timeout_seconds", c.DefaultTimeout, 0.001, year}, {"max_timeout_seconds", c.MaxTimeout, 0.001, year},
		{"limit_mb", c.Log.LimitMB, 0.01, 1 << 20}, {"keep_days", c.Log.KeepDays, 0, 36500}, {"keep_mb", c.Log.KeepMB, 0, 1 << 30},
		{"keep_days", c.Trash.KeepDays, 0, 36500}, {"keep_mb", c.Trash.KeepMB, 1, 1 << 30}, {"snapshot_mb", c.Trash.SnapshotMB, 1, 1 << 30},
		{"check_timeout_seconds", c.Merge.Timeout, 0.001, year},
	} {
		if n.value != nil && !(*n.value >= n.min && *n.value <= n.max) {
			return n.key, fmt.Sprintf("is %v, must be from %v to %v", *n.value, n.min, n.max)
		}
	}
	if c.Shell != nil && !filepath.IsAbs(*c.Shell) {
		return "shell", "must be an absolute path"
	}
	for key, names := range map[string][]string{"allow": c.Env.Allow, "deny": c.Env.Deny} {
		for _, name := range names {
			if !variable.MatchString(name) {
				return key, fmt.Sprintf("has %q, which is no name of a variable", name)
			}
		}
	}
	for _, command := range c.Worktree.Setup {
		if strings.TrimSpace(command) == "" || strings.ContainsRune(command, 0) {
			return "setup", fmt.Sprintf("has %q, which is no command", command)
		}
	}
	if c.Merge.Trailers != nil {
		for _, line := range *c.Merge.Trailers {
			if !trailer.MatchString(line) {
				return "trailers", fmt.Sprintf("has %q, which is no trailer such as \"Wt-Task: {task}\"", line)
			}
		}
	}
	return c.gating.fault()
}

// lineOf finds the line that sets a key.
func lineOf(data []byte, key string) int {
	for i, line := range strings.Split(string(data), "\n") {
		if name, _, ok := strings.Cut(line, "="); ok && strings.HasSuffix(strings.TrimSpace(name), key) {
			return i + 1
		}
	}
	return 1
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func megabytes(n float64) int64 { return int64(n * (1 << 20)) }

// take sets all that a file says.
func (s *Settings) take(c content) {
	set(&s.DefaultTimeout, c.DefaultTimeout, duration)
	set(&s.MaxTimeout, c.MaxTimeout, duration)
	set(&s.LogLimit, c.Log.LimitMB, megabytes)
	set(&s.KeepLogs, c.Log.KeepDays, func(n float64) time.Duration { return duration(n * 24 * 3600) })
	set(&s.KeepBytes, c.Log.KeepMB, megabytes)
	set(&s.KeepTrash, c.Trash.KeepDays, func(n float64) time.Duration { return duration(n * 24 * 3600) })
	set(&s.TrashBytes, c.Trash.KeepMB, megabytes)
	set(&s.SnapshotBytes, c.Trash.SnapshotMB, megabytes)
	if c.Shell != nil {
		s.Shell = *c.Shell
	}
	if c.Merge.Trailers != nil {
		s.Trailers = *c.Merge.Trailers
	}
	s.Allow, s.Deny = append(s.Allow, c.Env.Allow...), append(s.Deny, c.Env.Deny...)
	s.Setup, s.Submodules = append(s.Setup, c.Worktree.Setup...), s.Submodules || c.Worktree.Submodules
}

func set[T any](to *T, value *float64, as func(float64) T) {
	if value != nil {
		*to = as(*value)
	}
}

// narrow takes from a stranger's file what allows less, and notes the rest.
func (s *Settings) narrow(c content) {
	before := *s
	wider := Settings{}
	wider.take(c)
	var waits []string
	lower(&s.DefaultTimeout, wider.DefaultTimeout, "default_timeout_seconds", &waits)
	lower(&s.MaxTimeout, wider.MaxTimeout, "max_timeout_seconds", &waits)
	lower(&s.LogLimit, wider.LogLimit, "log.limit_mb", &waits)
	if c.Log.KeepDays != nil || c.Log.KeepMB != nil { // fewer logs would be somebody's loss, more of them somebody's disk
		waits = append(waits, "log.keep_*")
	}
	if c.Trash.KeepDays != nil || c.Trash.KeepMB != nil || c.Trash.SnapshotMB != nil {
		waits = append(waits, "trash.*")
	}
	if wider.Shell != "" && wider.Shell != before.Shell {
		waits = append(waits, "shell")
	}
	if len(c.Env.Allow) > 0 {
		waits = append(waits, "env.allow")
	}
	if c.Merge.Trailers != nil { // a stranger puts nothing into the user's history
		waits = append(waits, "merge.trailers")
	}
	s.Deny = append(s.Deny, c.Env.Deny...)
	s.SetupWaits = len(c.Worktree.Setup) > 0 || c.Worktree.Submodules
	if len(waits) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s of %s waits until the user approves the file: wt-mcp trust", strings.Join(waits, ", "), RepositoryFile))
	}
}

func lower[T time.Duration | int64](to *T, value T, key string, waits *[]string) {
	switch {
	case value == 0:
	case value <= *to:
		*to = value
	default:
		*waits = append(*waits, key)
	}
}

// sound keeps the default below the ceiling.
func (s Settings) sound() Settings {
	s.DefaultTimeout = min(s.DefaultTimeout, s.MaxTimeout)
	return s
}
