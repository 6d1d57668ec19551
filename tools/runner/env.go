package runner

import (
	"maps"
	"runtime"
	"slices"
	"strings"
)

// MarkVariable is in the environment of every process of a run, and holds its id.
const MarkVariable = "WT_MCP_RUN"

// passed are the variables that a command gets of ours: where programs, homes,
// caches and proxies are, and how people read. A name that ends in * stands for
// all that begin like it. No name here is one that holds a secret.
func passed() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TMP", "TEMP", "XDG_*",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "FTP_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
		"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CPATH", "LIBRARY_PATH", "PKG_CONFIG_PATH",
		"GOPATH", "GOBIN", "GOROOT", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE",
		"GOINSECURE", "GOTOOLCHAIN", "GOTMPDIR", "GOENV", "GOWORK", "GOEXPERIMENT", "GOMAXPROCS", "CGO_ENABLED",
		"CARGO_HOME", "CARGO_TARGET_DIR", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "SCCACHE_DIR", "CCACHE_DIR",
		"NVM_DIR", "NVM_BIN", "FNM_DIR", "VOLTA_HOME", "PNPM_HOME", "BUN_INSTALL", "DENO_DIR", "NODE_PATH", "NODE_OPTIONS",
		"NPM_CONFIG_CACHE", "NPM_CONFIG_PREFIX", "NPM_CONFIG_REGISTRY", "YARN_CACHE_FOLDER", "COREPACK_HOME", "PLAYWRIGHT_BROWSERS_PATH",
		"JAVA_HOME", "JDK_HOME", "MAVEN_HOME", "M2_HOME", "GRADLE_HOME", "GRADLE_USER_HOME", "ANDROID_HOME", "ANDROID_SDK_ROOT", "SDKMAN_DIR",
		"PYENV_ROOT", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PIP_CACHE_DIR", "POETRY_HOME", "POETRY_CACHE_DIR", "UV_CACHE_DIR",
		"GEM_HOME", "GEM_PATH", "RBENV_ROOT", "BUNDLE_PATH", "COMPOSER_HOME", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR",
		"DOTNET_ROOT", "NUGET_PACKAGES", "FLUTTER_ROOT", "PUB_CACHE", "MIX_HOME", "HEX_HOME", "OPAMROOT", "GHCUP_INSTALL_BASE_PREFIX", "NIX_*",
	}
}

// passedOnWindows is what programs there cannot do without.
func passedOnWindows() []string {
	return []string{"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*",
		"COMMONPROGRAMFILES*", "USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH", "PUBLIC", "NUMBER_OF_PROCESSORS",
		"PROCESSOR_*", "OS", "MSYSTEM", "ALLUSERSPROFILE"}
}

// Environment returns the environment of a run, and the names that it does not
// pass on from base. It passes what the built-in list and more name, but never
// what would lead a command astray (GIT_, WT_MCP_, LD_, DYLD_ and the directories
// of our own shell), sets what keeps programs from prompting, paging and drawing,
// and extra over all of them. The names in extra are the caller's to check.
func Environment(base, more []string, extra map[string]string) (env, dropped []string) {
	return environment(base, more, extra, runtime.GOOS == "windows")
}

func environment(base, more []string, extra map[string]string, windows bool) (env, dropped []string) {
	set := quiet()
	for name, value := range extra {
		maps.DeleteFunc(set, func(k, _ string) bool { return sameName(k, name, windows) })
		set[name] = value
	}
	allowed := passed()
	if windows {
		allowed = append(allowed, passedOnWindows()...)
	}
	for _, entry := range base {
		name := entryName(entry)
		switch {
		case replaced(name, set, windows):
		case astray(name) || !Named(name, allowed) && !Named(name, more) && !(windows && strings.HasPrefix(name, "=")):
			dropped = append(dropped, name)
		default:
			env = append(env, entry)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	slices.Sort(dropped)
	return env, slices.Compact(dropped)
}

// Named reports whether one of the patterns stands for a variable. Case makes no
// difference: http_proxy is HTTP_PROXY.
func Named(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
		}
		return strings.EqualFold(name, p)
	})
}

// quiet tells programs that nobody watches and nobody answers.
func quiet() map[string]string {
	return map[string]string{"CI": "1", "GIT_TERMINAL_PROMPT": "0", "PAGER": "cat", "TERM": "dumb"}
}

// astray names what no configuration passes on: it would turn git, the linker or
// us against the worktree.
func astray(name string) bool {
	return name == "" || Named(name, []string{"GIT_*", "WT_MCP_*", "LD_*", "DYLD_*", "PWD", "OLDPWD"})
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
