package git

import (
	"bytes"
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

// harmlessKeys are those that say how files, refs and the index are read and written,
// each between spaces.
const harmlessKeys = " core.repositoryformatversion core.bare core.autocrlf core.eol core.safecrlf core.checkroundtripencoding core.filemode" +
	" core.symlinks core.ignorecase core.precomposeunicode core.protecthfs core.protectntfs core.sparsecheckout core.sparsecheckoutcone" +
	" core.checkstat core.trustctime core.longpaths core.bigfilethreshold core.compression core.loosecompression core.sharedrepository" +
	" core.logallrefupdates core.excludesfile core.attributesfile core.quotepath core.abbrev core.preloadindex core.untrackedcache" +
	" core.splitindex core.fscache core.hidedotfiles core.commitgraph core.multipackindex core.deltabasecachelimit" +
	" core.packedgitlimit core.packedgitwindowsize worktree.userelativepaths" +
	" user.name user.email user.useconfigonly user.signingkey commit.gpgsign gpg.format gpg.mintrustlevel author.name author.email committer.name committer.email" +
	" checkout.workers checkout.thresholdforparallelism attr.tree feature.manyfiles feature.experimental" +
	" index.version index.threads index.sparse index.skiphash index.recordendofindexentries index.recordoffsettable" +
	" status.relativepaths status.showuntrackedfiles status.short status.branch status.aheadbehind status.renames status.renamelimit" +
	" diff.renames diff.renamelimit merge.renames merge.renamelimit merge.directoryrenames merge.renormalize merge.conflictstyle merge.default" +
	" lfs.url lfs.access lfs.fetchinclude lfs.fetchexclude lfs.locksverify lfs.skipdownloaderrors lfs.basictransfersonly" +
	" lfs.activitytimeout lfs.concurrenttransfers "

func isHarmless(key string) bool { return strings.Contains(harmlessKeys, " "+key+" ") }

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
		case "promisor", "partialclonefilter", "vcs", "uploadpack", "proxy", "proxyauthmethod":
			return programs
		}
		return useless
	case "filter", "credential", "http", "url", "ssh", "protocol":
		return programs
	case "gpg":
		if isHarmless(s.Key) {
			return harmless
		}
		return programs
	case "lfs":
		if isHarmless("lfs." + name) {
			return harmless
		}
		return programs
	}
	switch {
	case section == "merge" && sub != "", s.Key == "core.sshcommand", s.Key == "core.gitproxy":
		return programs
	case isHarmless(s.Key):
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

// writeSettings writes what git reads as these settings (git-config(1), Syntax).
func writeSettings(list []Setting) []byte {
	var text bytes.Buffer
	valueQuotes := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	sectionQuotes := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
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
