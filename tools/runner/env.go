package runner

import (
	"maps"
	"runtime"
	"slices"
	"strings"
)

// Environment returns the environment of a run: base without the variables that
// would lead a command astray (all of GIT_ and WT_MCP_, and the directories of
// our own shell), with those that keep programs from prompting, paging and
// drawing, and with extra over all of them. The names in extra are the caller's
// to check. Names are compared without case on Windows.
func Environment(base []string, extra map[string]string) []string {
	return environment(base, extra, runtime.GOOS == "windows")
}

func environment(base []string, extra map[string]string, foldCase bool) []string {
	set := quiet()
	for name, value := range extra {
		maps.DeleteFunc(set, func(k, _ string) bool { return sameName(k, name, foldCase) })
		set[name] = value
	}
	env := slices.DeleteFunc(slices.Clone(base), func(entry string) bool {
		name := entryName(entry)
		return astray(name, foldCase) || replaced(name, set, foldCase)
	})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	return env
}

// quiet tells programs that nobody watches and nobody answers.
func quiet() map[string]string {
	return map[string]string{"CI": "1", "GIT_TERMINAL_PROMPT": "0", "PAGER": "cat", "TERM": "dumb"}
}

func astray(name string, foldCase bool) bool {
	if foldCase {
		name = strings.ToUpper(name)
	}
	return strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "WT_MCP_") || name == "PWD" || name == "OLDPWD"
}

func replaced(name string, set map[string]string, foldCase bool) bool {
	for k := range set {
		if sameName(k, name, foldCase) {
			return true
		}
	}
	return false
}

func sameName(a, b string, foldCase bool) bool {
	return a == b || foldCase && strings.EqualFold(a, b)
}

// entryName returns the name in NAME=value. Windows has names that start with
// an equals sign ("=C:").
func entryName(entry string) string {
	if i := strings.IndexByte(entry[min(1, len(entry)):], '='); i >= 0 {
		return entry[:i+1]
	}
	return entry
}
