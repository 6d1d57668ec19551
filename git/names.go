package git

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxRevision  = 1000
	maxBranch    = 500
	maxComponent = 240 // a file name, with room for ".lock"
	maxOp        = 100
)

// CheckBranchName accepts a subset of what git check-ref-format --branch
// accepts: beside git's rules it refuses an object id, "HEAD", invalid UTF-8
// and names too long for a file system. The error is ErrInvalidName. A name
// that passes can be neither an option nor a revision expression.
func CheckBranchName(name string) error {
	if why := badBranch(name); why != "" {
		return fmt.Errorf("%w: branch %.100q %s", ErrInvalidName, name, why)
	}
	return nil
}

func badBranch(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxBranch:
		return "is too long"
	case name[0] == '-':
		return "begins with a dash"
	case name == "@" || strings.EqualFold(name, "HEAD") || isObjectID(name):
		return "has another meaning to git"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isControl):
		return "has a control character or invalid UTF-8"
	case strings.ContainsAny(name, ` ~^:?*[\`):
		return "has a space or one of ~^:?*[\\"
	case strings.Contains(name, "..") || strings.Contains(name, "@{"):
		return `has ".." or "@{"`
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || len(part) > maxComponent || part[0] == '.' || part[len(part)-1] == '.' || strings.HasSuffix(strings.ToLower(part), ".lock") {
			return fmt.Sprintf("has the part %.100q", part)
		}
	}
	return ""
}

// checkRevision keeps what is handed to rev-parse from being an option or
// from being truncated. What it means is git's to say.
func checkRevision(rev string) error {
	why := ""
	switch {
	case rev == "":
		why = "is empty"
	case len(rev) > maxRevision:
		why = "is too long"
	case rev[0] == '-':
		why = "begins with a dash"
	case strings.ContainsFunc(rev, isControl):
		why = "has a control character"
	default:
		return nil
	}
	return fmt.Errorf("%w: revision %.100q %s", ErrInvalidName, rev, why)
}

// checkOp accepts the ids that survive the way through a committer's address
// and a lock reason unchanged.
func checkOp(op string) error {
	ok := op != "" && len(op) <= maxOp && isAlnum(rune(op[0])) &&
		!strings.ContainsFunc(op, func(c rune) bool { return !isAlnum(c) && c != '.' && c != '_' && c != '-' })
	if !ok {
		return fmt.Errorf("%w: operation id %.100q", ErrInvalidName, op)
	}
	return nil
}

// isObjectID reports whether s is a full SHA-1 or SHA-256 object name.
func isObjectID(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F')
	})
}

func isControl(c rune) bool { return c < 0x20 || c == 0x7f }

func isAlnum(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
