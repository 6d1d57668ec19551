package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// normalizer replaces in the output of a script what differs from run to run:
//
//	the directory of the repository      <repo>   (the script's current directory at its first use)
//	the script's directory               <work>
//	object ids of 40 or 64 digits        <commit-1>, <commit-2>, … in the order in which the script sees them
//	epoch seconds under a key of time    "<time>"
//	clock times of text                  <time>
//	seconds that something took          <duration>
//	ages, in JSON and in words           "<age>", used <age>
//	bytes on disk                        "<bytes>"; left out of lists, where they come some time
//	process ids                          pid <pid>
//	the holder of a trash directory      trash/<id>
//	ids of snapshots and landings        <snapshot>
//	object ids cut to ten digits         <id>
//	names of runs                        <run>
//	the secret of a claim                <secret>, its numbers stay
//	the first of a worktree's ports      <port>
//	what is left of a lease              "<left>", (in <left>)
//
// All else is compared as it is, the order of keys included.
type normalizer struct {
	repo, work string
	commits    map[string]string
}

var (
	objectID  = regexp.MustCompile(`\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b`)
	epoch     = regexp.MustCompile(`("(?:ts|at|created_at|updated_at|kept_at|removed_at|claimed_at|ended_at|since|lease_expires_at|last_activity|bytes_at)": ?)\d{10}(?:\.\d{1,6})?\b`)
	clock     = regexp.MustCompile(`(#\d+|note|from|to|since|closed) (?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\b`)
	since     = regexp.MustCompile(`since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	took      = regexp.MustCompile(`("duration_seconds": ?)\d[0-9.e-]*`)
	tookText  = regexp.MustCompile(`(exit code -?\d+|running), \d+\.\d+ s`)
	age       = regexp.MustCompile(`("age_seconds": ?)\d[0-9.e-]*`)
	listed    = regexp.MustCompile(`,\s*"bytes": ?\d+,\s*"bytes_at": ?"<time>"`)
	bytesOn   = regexp.MustCompile(`("dry_run": ?(?:true|false),\s*"bytes": ?)\d+`)
	used      = regexp.MustCompile(`(?:, (?:over )?[0-9.]+ [kMGT]?B)?, used \d+ (?:s|min|h|d) ago`)
	wasUsed   = regexp.MustCompile(`it was used \d+ (?:s|min|h|d) ago`)
	removes   = regexp.MustCompile(`((?:would remove|removed) )[0-9.]+ [kMGT]?B:`)
	processID = regexp.MustCompile(`\bpid \d+`)
	runID     = regexp.MustCompile(`\br-[0-9a-z]{9}-[0-9a-z]{5}\b`)
	secret    = regexp.MustCompile(`\b(\d+-\d+)-[a-z2-7]{16}\b`)
	clockZ    = regexp.MustCompile(`\b\d\d:\d\d:\d\dZ`)
	leaseLeft = regexp.MustCompile(`for \d+[0-9hms]*s more`)
	left      = regexp.MustCompile(`("lease_seconds_left": ?)\d+`)
	ports     = regexp.MustCompile(`(ports from |"port_base": ?)\d+`)
	leftText  = regexp.MustCompile(`\(in \d+ (?:s|min|h|d)\)`)
	snapshot  = regexp.MustCompile(`\b[0-9a-f]{11}-[0-9a-f]{12}\b`)
	until     = regexp.MustCompile(`(until |taken |"trash_until": ?")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	size      = regexp.MustCompile(`(its files \(|"trash_bytes": ?)\d+`)
	shortID   = regexp.MustCompile(`\b[0-9a-f]{10}\b`)
	trashID   = regexp.MustCompile(`(wt-mcp/trash/)[^/"\s]+`)
)

func (n *normalizer) text(s string) string {
	for _, dir := range []struct{ path, name string }{{n.repo, "<repo>"}, {n.work, "<work>"}} {
		if dir.path != "" {
			s = strings.ReplaceAll(s, escaped(dir.path), dir.name)
			s = strings.ReplaceAll(s, dir.path, dir.name)
		}
	}
	s = objectID.ReplaceAllStringFunc(s, n.commit)
	s = epoch.ReplaceAllString(s, `${1}"<time>"`)
	s = clock.ReplaceAllString(s, "$1 <time>")
	s = since.ReplaceAllString(s, "since <time>")
	s = took.ReplaceAllString(s, `${1}"<duration>"`)
	s = tookText.ReplaceAllString(s, "$1, <duration>")
	s = age.ReplaceAllString(s, `${1}"<age>"`)
	s = bytesOn.ReplaceAllString(listed.ReplaceAllString(s, ""), `${1}"<bytes>"`)
	s = wasUsed.ReplaceAllString(s, "it was used <age>")
	s = removes.ReplaceAllString(used.ReplaceAllString(s, ", used <age>"), "$1<bytes>:")
	s = runID.ReplaceAllString(s, "<run>")
	s = processID.ReplaceAllString(s, "pid <pid>")
	s = secret.ReplaceAllString(s, "$1-<secret>")
	s = trashID.ReplaceAllString(s, "$1<id>")
	s = size.ReplaceAllString(s, "$1<size>")
	s = until.ReplaceAllString(s, "$1<time>")
	s = snapshot.ReplaceAllString(s, "<snapshot>")
	s = shortID.ReplaceAllString(s, "<id>")
	s = ports.ReplaceAllString(s, `$1<port>`)
	s = clockZ.ReplaceAllString(s, "<time>")
	s = leftText.ReplaceAllString(left.ReplaceAllString(s, `${1}"<left>"`), "(in <left>)")
	return leaseLeft.ReplaceAllString(s, "for <duration> more")
}

func (n *normalizer) commit(id string) string {
	if strings.Trim(id, "0") == "" {
		return id
	}
	if n.commits[id] == "" {
		n.commits[id] = fmt.Sprintf("<commit-%d>", len(n.commits)+1)
	}
	return n.commits[id]
}

// json is a JSON value, indented and normalised.
func (n *normalizer) json(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return n.text(string(raw))
	}
	return n.text(strings.TrimRight(b.String(), "\n"))
}

// escaped is s as it stands within a JSON string.
func escaped(s string) string {
	return strings.Trim(string(mustJSON(s)), `"`)
}
