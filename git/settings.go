package git

import (
	"bytes"
	"slices"
	"strings"
)

// Setting is one of git's configuration, as git names it: section and name in lower
// case. File is where it stands.
type Setting struct {
	Key, Value, File string

	unset bool // it has no value, not even an empty one
}

// section, sub and name are the three parts of the key.
func (s Setting) parts() (section, sub, name string) {
	section, rest, _ := strings.Cut(s.Key, ".")
	end := max(strings.LastIndexByte(rest, '.'), 0)
	return section, rest[:end], strings.TrimPrefix(rest[end:], ".")
}

// settingUse says what a setting may do to a git of ours.
type settingUse int

const (
	useless  settingUse = iota // no git of ours asks for it
	harmless                   // it names no program, and none is run because of it
	programs                   // it names a program or a place that one connects to
)

// harmlessNames are those that say how files, refs and the index are read and
// written, by section.
var harmlessNames = map[string][]string{
	"core": {"repositoryformatversion", "bare", "autocrlf", "eol", "safecrlf", "checkroundtripencoding", "filemode", "symlinks", "ignorecase",
		"precomposeunicode", "protecthfs", "protectntfs", "sparsecheckout", "sparsecheckoutcone", "checkstat", "trustctime", "longpaths",
		"bigfilethreshold", "compression", "loosecompression", "sharedrepository", "logallrefupdates", "excludesfile", "attributesfile",
		"quotepath", "abbrev", "preloadindex", "untrackedcache", "splitindex", "fscache", "hidedotfiles", "commitgraph", "multipackindex",
		"deltabasecachelimit", "packedgitlimit", "packedgitwindowsize"},
	"user": {"name", "email"}, "author": {"name", "email"}, "committer": {"name", "email"},
	"checkout": {"workers", "thresholdforparallelism"}, "attr": {"tree"}, "feature": {"manyfiles", "experimental"},
	"index":  {"version", "threads", "sparse", "skiphash", "recordendofindexentries", "recordoffsettable"},
	"status": {"relativepaths", "showuntrackedfiles", "short", "branch", "aheadbehind", "renames", "renamelimit"},
	"diff":   {"renames", "renamelimit"}, "merge": {"renames", "renamelimit", "directoryrenames", "renormalize", "conflictstyle", "default"},
	"lfs": {"url", "fetchinclude", "fetchexclude", "locksverify", "skipdownloaderrors", "basictransfersonly", "activitytimeout",
		"concurrenttransfers", "access"},
}

// use judges a setting of anybody's.
func (s Setting) use() settingUse {
	section, sub, name := s.parts()
	switch section {
	case "branch":
		return harmless
	case "extensions":
		switch name {
		case "worktreeconfig": // its file is read by us
			return useless
		case "partialclone":
			return programs
		}
		return harmless
	case "remote":
		switch name {
		case "url", "fetch", "lfsurl":
			return harmless
		}
		return programs
	case "filter", "credential", "http", "url", "ssh", "protocol":
		return programs
	case "lfs":
		if slices.Contains(harmlessNames["lfs"], name) {
			return harmless
		}
		return programs
	}
	switch {
	case section == "merge" && sub != "", s.Key == "core.sshcommand", s.Key == "core.gitproxy":
		return programs
	case sub == "" && slices.Contains(harmlessNames[section], name):
		return harmless
	}
	return useless
}

// isInclude reports that a setting only names another file.
func (s Setting) isInclude() bool { return s.Key == "include.path" }

// promises reports that a setting makes git fetch objects that it misses.
func (s Setting) promises() bool {
	section, _, name := s.parts()
	return s.Key == "extensions.partialclone" || section == "remote" && (name == "promisor" || name == "partialclonefilter")
}

// on reads a boolean as git does.
func (s Setting) on() bool {
	switch strings.ToLower(s.Value) {
	case "true", "yes", "on", "1":
		return true
	}
	return s.unset
}

// parseSettings reads git config -z --list: a key, and a value after a line break.
func parseSettings(out []byte, file string) (list []Setting) {
	for line := range bytes.SplitSeq(out, []byte{0}) {
		if len(line) > 0 {
			key, value, ok := strings.Cut(string(line), "\n")
			list = append(list, Setting{Key: key, Value: value, File: file, unset: !ok})
		}
	}
	return list
}

var (
	valueQuotes   = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	sectionQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
)

// writeSettings writes what git reads as these settings (git-config(1), Syntax).
func writeSettings(list []Setting) []byte {
	var text bytes.Buffer
	last := ""
	for _, s := range list {
		section, sub, name := s.parts()
		head := "[" + section + "]\n"
		if sub != "" {
			head = "[" + section + ` "` + sectionQuotes.Replace(sub) + "\"]\n"
		}
		if head != last {
			text.WriteString(head)
			last = head
		}
		text.WriteString("\t" + name)
		if !s.unset {
			text.WriteString(` = "` + valueQuotes.Replace(s.Value) + `"`)
		}
		text.WriteByte('\n')
	}
	return text.Bytes()
}
