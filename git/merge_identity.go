package git

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// identity is who makes commits, and when.
type identity struct {
	author, committer Person
	date              string // as in "1700000000 +0100"
}

// Identity is who git says the user is, as author and as committer: ErrIdentity, with
// what git says of it, where that is not known.
func (r *Repo) Identity(ctx context.Context) (author, committer Person, err error) {
	list, _, err := r.git.effective(ctx, r.pin("", ""))
	if err != nil {
		return author, committer, err
	}
	who, err := r.identify(ctx, list)
	return who.author, who.committer, err
}

// identify reads the configuration. Where that does not say it all, git is asked, which
// may derive it from the system.
func (r *Repo) identify(ctx context.Context, list []Setting) (who identity, err error) {
	now := time.Now()
	who.date = fmt.Sprintf("%d %s", now.Unix(), now.Format("-0700"))
	who.author = configured(list, "author")
	who.committer = configured(list, "committer")
	if who.author.complete() && who.committer.complete() {
		return who, nil
	}
	out, err := r.git.run(ctx, call{dir: r.common, at: r.pin("", ""), args: []string{"var", "GIT_AUTHOR_IDENT"}})
	if exitCode(err) == 128 {
		words := gitWords(err)
		return who, refuse(ErrIdentity, words[strings.LastIndexByte(words, '\n')+1:])
	}
	who.author = parseIdent(string(out))
	who.committer.Name = cmp.Or(who.committer.Name, who.author.Name)
	who.committer.Email = cmp.Or(who.committer.Email, who.author.Email)
	return who, err
}

// configured is who a role is by the settings, those of the role before those of the user.
func configured(list []Setting, role string) Person {
	return Person{tidy(cmp.Or(last(list, role+".name"), last(list, "user.name"))), tidy(cmp.Or(last(list, role+".email"), last(list, "user.email")))}
}

// last is the value of a setting that counts.
func last(list []Setting, key string) string {
	for _, s := range slices.Backward(list) {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func (p Person) complete() bool { return p.Name != "" && p.Email != "" }

// tidy does what git does with a name before it writes it into a commit (ident.c).
func tidy(text string) string {
	text = strings.TrimFunc(text, func(c rune) bool { return c <= ' ' || strings.ContainsRune(`.,:;<>"\'`, c) })
	return strings.NewReplacer("\n", "", "<", "", ">", "").Replace(text)
}

// parseIdent reads "Name <address> 1700000000 +0100".
func parseIdent(line string) Person {
	name, rest, _ := strings.Cut(line, " <")
	email, _, _ := strings.Cut(rest, ">")
	return Person{name, email}
}

// configure reads who commits, whether commits are signed, and which merge drivers
// there are.
func (p *planner) configure(ctx context.Context) error {
	list, _, err := p.repo.git.effective(ctx, p.repo.pin("", ""))
	if err != nil {
		return err
	}
	if p.who, err = p.repo.identify(ctx, list); err != nil {
		return err
	}
	for _, s := range list {
		if s.Key == "commit.gpgsign" {
			p.sign = s.on() && !p.Reading
		}
	}
	p.drivers = mergeDrivers(Programs{Settings: list})
	asked, err := p.repo.Programs(ctx)
	if err == nil && !asked.Approved {
		p.refused = mergeDrivers(asked)
		p.drivers = append(p.drivers, p.refused...)
	}
	p.byDefault = last(list, "merge.default")
	return err
}

func mergeDrivers(p Programs) (names []string) {
	for _, name := range p.Drivers() {
		if driver, ok := strings.CutPrefix(name, "merge."); ok {
			names = append(names, driver)
		}
	}
	return names
}

// merges remembers that git can merge without a checkout.
type merges struct {
	mu  sync.Mutex
	yes bool
}

// CanMerge answers ErrNeedsMerge where this git is older than 2.38, the first that
// merges without a checkout.
func (r *Repo) CanMerge(ctx context.Context) error {
	r.git.merges.mu.Lock()
	defer r.git.merges.mu.Unlock()
	if r.git.merges.yes {
		return nil
	}
	version, err := r.git.version(ctx)
	if err != nil {
		return err
	}
	if err := mergesAt(version); err != nil {
		return err
	}
	r.git.merges.yes = true
	return nil
}

func mergesAt(version string) error {
	if _, major, minor := parseVersion(version); major > 2 || major == 2 && minor >= mergeMinor {
		return nil
	}
	return refuse(ErrNeedsMerge, fmt.Sprintf("it is git %s; landing, syncing and comparing lanes need 2.%d or newer, all else works", version, mergeMinor))
}

const mergeMinor = 38 // the first git 2.x with merge-tree --write-tree
