package state

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Claim is the exclusive right to a task, as in the private file claims.json.
// Who has it is decided by the lock under which it was given out and by the
// token; its lease only says from when on somebody else may take the task.
type Claim struct {
	Task      int      `json:"task"`
	Number    int64    `json:"number"` // of all claims that this board gave out, this one
	Proof     string   `json:"proof"`  // hash of the secret in its token
	Owner     string   `json:"owner"`
	Actor     string   `json:"actor,omitempty"`
	ClaimedAt float64  `json:"claimed_at"`
	Lease     float64  `json:"lease_seconds"`
	ExpiresAt float64  `json:"expires_at"`     // epoch seconds, for people and across a boot
	Deadline  float64  `json:"deadline"`       // by the clock of Boot
	Boot      string   `json:"boot,omitempty"` // what boot of the machine Deadline belongs to
	Runs      []string `json:"runs,omitempty"` // that keep it alive while they go on
}

// claims is the file: what is held, and the highest number given out.
type claims struct {
	Last int64   `json:"last"`
	Live []Claim `json:"live"`

	broken []byte // content that is no such file
}

func (v *View) claims() (claims, error) {
	data, err := v.read(claimsFile, MaxValue)
	if missing(err) {
		return claims{}, nil
	}
	if err != nil {
		return claims{}, v.corrupt(claimsFile, err)
	}
	var c claims
	if json.Unmarshal(data, &c) != nil || c.Last == 0 {
		return claims{broken: data}, nil // nothing is held by it; who claims next sets it aside
	}
	return c, nil
}

// claimsToWrite is claims for a change. Where the file is gone or broken, the
// numbers go on behind those that the tasks know, and the broken one is kept aside.
func (tx *Tx) claimsToWrite() (claims, error) {
	c, err := tx.claims()
	if err != nil || c.Last > 0 {
		return c, err
	}
	if c.broken != nil {
		if _, err := tx.start.SetAside("claims.json", c.broken); err != nil {
			return c, err
		}
	}
	all, err := tx.Tasks()
	if err != nil {
		return c, err
	}
	for _, t := range all.All {
		c.Last = max(c.Last, t.lastClaim)
	}
	return c, nil
}

// Claims returns what is held, lapsed leases that nobody has ended yet included.
func (v *View) Claims() ([]Claim, error) {
	c, err := v.claims()
	return c.Live, err
}

// Claim returns the claim on a task, if there is one.
func (v *View) Claim(task int) (Claim, bool, error) {
	c, err := v.claims()
	if i := c.of(task); err == nil && i >= 0 {
		return c.Live[i], true, nil
	}
	return Claim{}, false, err
}

func (c claims) of(task int) int {
	return slices.IndexFunc(c.Live, func(one Claim) bool { return one.Task == task })
}

// GiveClaim gives the task to its owner in place of whoever had it, for the time
// of a lease in seconds. The token proves the claim; only its hash is kept.
func (tx *Tx) GiveClaim(task int, owner, actor string, lease float64) (Claim, Token) {
	all, err := tx.claimsToWrite()
	if err != nil {
		tx.fail(err)
		return Claim{}, Token{}
	}
	all.Last++
	token := Token{Task: task, Number: all.Last, secret: newSecret()}
	c := Claim{Task: task, Number: token.Number, Proof: token.proof(), Owner: owner, Actor: actor, ClaimedAt: tx.at, Lease: lease}
	tx.renew(&c)
	tx.putClaims(all, c)
	return c, token
}

// RenewClaim lets the lease begin anew.
func (tx *Tx) RenewClaim(c Claim) Claim {
	tx.renew(&c)
	return tx.PutClaim(c)
}

// PutClaim writes a claim in place of the one on its task.
func (tx *Tx) PutClaim(c Claim) Claim {
	all, err := tx.claims()
	if err != nil {
		tx.fail(err)
		return c
	}
	tx.putClaims(all, c)
	return c
}

// KeepRuns has the claim on a task kept alive by these runs too.
func (tx *Tx) KeepRuns(task int, runs []string) {
	if c, claimed, err := tx.Claim(task); err != nil {
		tx.fail(err)
	} else if claimed && len(runs) > 0 {
		c.Runs = append(slices.Clone(c.Runs), runs...)
		tx.PutClaim(c)
	}
}

func (tx *Tx) putClaims(all claims, c Claim) {
	all.Live = slices.DeleteFunc(slices.Clone(all.Live), func(one Claim) bool { return one.Task == c.Task })
	all.Live = append(all.Live, c)
	tx.set(claimsFile, all)
}

// EndClaim takes the claim off the task.
func (tx *Tx) EndClaim(task int) {
	all, err := tx.claims()
	if err != nil {
		tx.fail(err)
		return
	}
	if i := all.of(task); i >= 0 {
		all.Live = slices.Delete(slices.Clone(all.Live), i, i+1)
		tx.set(claimsFile, all)
	}
}

func (tx *Tx) renew(c *Claim) {
	c.ExpiresAt, c.Boot, c.Deadline = math.Round((tx.at+c.Lease)*1e6)/1e6, tx.from.Boot(), tx.from.Uptime().Seconds()+c.Lease
}

// LeaseLeft is for how long the lease of a claim goes on, by the clock that runs
// since the machine's boot, also while it sleeps: setting the time of day changes
// nothing. For a claim of an earlier boot the time of day is all there is; what is
// left is then never more than the lease.
func (v *View) LeaseLeft(c Claim) time.Duration {
	left := c.ExpiresAt - v.Now()
	if v.OfThisBoot(c) && c.Boot != "" {
		left = c.Deadline - v.from.Uptime().Seconds()
	}
	return time.Duration(min(left, c.Lease) * float64(time.Second))
}

// OfThisBoot reports whether the lease of a claim counts by the clock of this boot.
func (v *View) OfThisBoot(c Claim) bool { return c.Boot == v.from.Boot() }

// Token proves a claim to the board. The zero value is no token.
type Token struct {
	Task   int
	Number int64
	secret string
}

// The form of a token: the task's number, the claim's, and 80 random bits.
var tokenForm = regexp.MustCompile(`^([1-9][0-9]{0,8})-([1-9][0-9]{0,17})-([a-z2-7]{16})$`)

func newSecret() string {
	random := make([]byte, 10)
	_, _ = rand.Read(random)
	return strings.ToLower(base32.StdEncoding.EncodeToString(random))
}

// IsZero reports that there is no token.
func (t Token) IsZero() bool { return t.Task == 0 }

// UnmarshalText is ParseToken; no text is no token.
func (t *Token) UnmarshalText(text []byte) (err error) {
	if *t = (Token{}); len(text) > 0 {
		*t, err = ParseToken(string(text))
	}
	return err
}

// String is the token as clients get it and give it back.
func (t Token) String() string {
	if t.Task == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d-%s", t.Task, t.Number, t.secret)
}

// ParseToken reads what a client gave back.
func ParseToken(s string) (Token, error) {
	m := tokenForm.FindStringSubmatch(s)
	if m == nil {
		return Token{}, Invalid("claim", "pass it exactly as task_claim gave it, such as 7-3-abcdefghijklmnop",
			"%q is no claim; it is cut short or was changed", Clip(Visible(s), 60))
	}
	task, _ := strconv.Atoi(m[1])
	number, _ := strconv.ParseInt(m[2], 10, 64)
	return Token{Task: task, Number: number, secret: m[3]}, nil
}

func (t Token) proof() string {
	sum := sha256.Sum256([]byte(t.String()))
	return hex.EncodeToString(sum[:16])
}

// ProvedBy reports whether the token is the one that was given out for c.
func (c Claim) ProvedBy(t Token) bool { return c.Number == t.Number && c.Proof == t.proof() }

// RebaseClaim counts what is left of a lease that an earlier boot gave by the clock
// of this one.
func (tx *Tx) RebaseClaim(c Claim) Claim {
	left := max(0, tx.LeaseLeft(c).Seconds())
	c.Boot, c.Deadline = tx.from.Boot(), tx.from.Uptime().Seconds()+left
	return tx.PutClaim(c)
}
