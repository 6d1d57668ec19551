package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"strings"
)

// Check is a shell command that must pass on a tree before it lands.
type Check struct {
	Name    string
	Command string
}

// gating is what a file says of checks. It widens what runs: of a file that is not
// approved nothing of it counts. But what was approved once holds on when the file
// changes or goes, until another content is approved: nobody who may write the file
// opens the gate with that.
type gating struct {
	Checks map[string]string `toml:"checks"`
	Merge  struct {
		Check    []string  `toml:"check"`
		Timeout  *float64  `toml:"check_timeout_seconds"`
		Fresh    bool      `toml:"check_fresh"`
		Trailers *[]string `toml:"trailers"` // no check: they are taken with the rest of the file
	} `toml:"merge"`
}

func (g gating) fault() (key, what string) {
	for name, command := range g.Checks {
		switch {
		case !checkName(name):
			return name, "is no name of a check: letters, digits, dashes, at most 40"
		case strings.TrimSpace(command) == "" || strings.ContainsRune(command, 0):
			return name, fmt.Sprintf("is %q, which is no command", command)
		}
	}
	for _, name := range g.Merge.Check {
		if !checkName(name) {
			return "check", fmt.Sprintf("has %.50q, which is no name of a check", name)
		}
	}
	return "", ""
}

func checkName(name string) bool {
	const longest = 40
	return name != "" && len(name) <= longest && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

func (g gating) same(other gating) bool {
	g.Merge.Trailers, other.Merge.Trailers = nil, nil
	return reflect.DeepEqual(g, other)
}

// with adds what another file says, which wins where both name one check.
func (g gating) with(other gating) gating {
	both := gating{Checks: map[string]string{}}
	maps.Copy(both.Checks, g.Checks)
	maps.Copy(both.Checks, other.Checks)
	both.Merge.Check = append(append(both.Merge.Check, g.Merge.Check...), other.Merge.Check...)
	both.Merge.Timeout = cmp.Or(other.Merge.Timeout, g.Merge.Timeout)
	both.Merge.Fresh = g.Merge.Fresh || other.Merge.Fresh
	return both
}

// gate sets what must pass, each check once.
func (s *Settings) gate(g gating) error {
	set(&s.CheckTimeout, g.Merge.Timeout, duration)
	s.CheckFresh = g.Merge.Fresh
	seen := map[string]bool{}
	for _, name := range g.Merge.Check {
		command, ok := g.Checks[name]
		if !ok {
			return fmt.Errorf("configuration: merge.check names %q, and [checks] has no command of that name", name)
		}
		if !seen[name] {
			s.Checks = append(s.Checks, Check{name, command})
		}
		seen[name] = true
	}
	return nil
}

// approvedGating is what the content says of checks that was approved last.
func (f Files) approvedGating() (gating, error) {
	data, err := f.lastApproved()
	if err != nil || data == nil {
		return gating{}, err
	}
	c, err := parse(f.kept(sum(data)), data)
	return c.gating, err
}
