package runner

import (
	"os"
	"runtime"
	"slices"
)

// Withhold keeps from the commands of runs, and from every process of this user
// that they might look into, what of our environment a command may not have. It
// takes it out of what our children inherit and, as far as the system can, out of
// what is shown of this process; what we were given open is not handed on. It
// returns the environment as it was, for Environment. A program calls it first.
func Withhold() (environ []string) {
	environ = os.Environ()
	for _, name := range withheld(environ) {
		if !Named(name, forGit()) {
			os.Unsetenv(name)
		}
	}
	conceal()
	return environ
}

// withheld names what a command does not get where no configuration says otherwise.
func withheld(environ []string) []string {
	_, dropped := Environment(environ, ours(), nil)
	return slices.DeleteFunc(dropped, func(name string) bool { return Named(name, ours()) })
}

// ours are variables that say how this program runs. None holds a secret.
func ours() []string {
	return []string{"WT_*", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GORACE", "GOCOVERDIR"}
}

// forGit is what git and what the user's configuration has it start need beside
// what commands get: where the configuration is, where to ask for a key, how
// programs are loaded.
func forGit() []string {
	return []string{"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "LD_*", "DYLD_*", "PWD", "TERM*", "COLORTERM", "NO_COLOR",
		"SSH_AUTH_SOCK", "GNUPGHOME", "GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"}
}

// supervisorEnvironment is what a supervisor is started with: commands can read it.
func supervisorEnvironment(environ []string) []string {
	names := ours()
	if runtime.GOOS == "windows" {
		names = append(names, append(passedOnWindows(), "PATH", "TEMP", "TMP")...)
	}
	kept := []string{}
	for _, entry := range environ {
		if name := entryName(entry); Named(name, names) && name != MarkVariable {
			kept = append(kept, entry)
		}
	}
	return kept
}
