package vote

import (
	"cmp"
	"fmt"

	"geomq/geo"
)

// Party is the name of whoever has a control log of its own: a region, a witness,
// or a broker.
type Party string

// Target is what is decided, e.g. "master/ORDERS@us-east/2" or "down/eu-west".
type Target string

// Term is the number of a claim and who claims.
type Term struct {
	N        uint64 `json:"n"`
	Claimant Party  `json:"claimant"`
}

// Compare orders terms: by number, then by claimant.
func (t Term) Compare(u Term) int {
	return cmp.Or(cmp.Compare(t.N, u.N), cmp.Compare(t.Claimant, u.Claimant))
}

// String writes t as "7 of eu-west".
func (t Term) String() string { return fmt.Sprintf("%d of %s", t.N, t.Claimant) }

// Kind says what a Record does.
type Kind string

// The kinds of records; they are part of the wire format.
const (
	KindClaim   Kind = "vote.claim"
	KindVote    Kind = "vote.vote"
	KindPromise Kind = "vote.promise"
)

// Stage is how far a claim has come.
type Stage string

// The stages of a claim, in their order.
const (
	Wanted    Stage = "wanted"    // asks for votes
	Elected   Stage = "elected"   // has read its votes, asks holders for promises
	Open      Stage = "open"      // has the tails, and opens its epochs with its first lease
	Withdrawn Stage = "withdrawn" // is given up, or handed back
)

var stages = map[Stage]int{Wanted: 1, Elected: 2, Open: 3, Withdrawn: 4}

// Record is what a party writes into its control log. The last one of a Key
// stands for it.
type Record struct {
	// Format is that of the record, 1 now.
	Format int    `json:"format"`
	Kind   Kind   `json:"kind"`
	Target Target `json:"target"`
	Party  Party  `json:"party"`
	// Term is what is claimed, voted for or promised to. In a vote it is the
	// highest that the party ever voted for, or the zero Term.
	Term Term `json:"term"`
	// Epoch is the number of the epochs that the term opens. In a vote and a
	// promise: nothing of a lower one is voted for or accepted any more.
	Epoch uint64 `json:"epoch,omitempty"`
	// Voters is the configuration that a claim or a vote counts under.
	Voters Voters `json:"voters,omitzero"`
	Stage  Stage  `json:"stage,omitempty"` // of a claim
	// Reaches are, in a promise, what the party has of each log; in a vote and in
	// an open claim, the offsets that the log's writers may have used.
	Reaches  []Reach   `json:"reaches,omitempty"`
	Override *Override `json:"override,omitempty"` // of a claim
}

// Key names what the record replaces in its control log.
func (r Record) Key() string { return string(r.Kind) + "/" + string(r.Target) + "/" + string(r.Party) }

// Reach is how far a log goes.
type Reach struct {
	Log string `json:"log"`
	// Epochs are the newest ones of the log's table, at most MaxEpochs.
	Epochs geo.Epochs `json:"epochs"`
	// Offset is the last offset: that is held, or that may be used.
	Offset geo.Offset `json:"offset"`
}

// Override is a person's word for voters that can't be asked.
type Override struct {
	By      string  `json:"by"`
	Reason  string  `json:"reason"`
	Without []Party `json:"without"`
	// Stopped says that the person has made sure that what is named in Without
	// serves nobody. It is required where those voters could be a majority among
	// themselves.
	Stopped bool `json:"stopped,omitempty"`
}

// String says what is overridden, by whom and why.
func (o Override) String() string {
	return fmt.Sprintf("%s decided without %s: %s", o.By, list(o.Without), o.Reason)
}

// String tells a person what the record says.
func (r Record) String() string {
	switch {
	case r.Kind == KindVote && r.Term.N == 0:
		return fmt.Sprintf("%s votes on %s under %s.", r.Party, r.Target, r.Voters)
	case r.Kind == KindVote:
		return fmt.Sprintf("%s has voted for term %s of %s, under %s.", r.Party, r.Term, r.Target, r.Voters)
	case r.Kind == KindPromise:
		return fmt.Sprintf("%s has promised term %s of %s to accept nothing older than epoch %d.", r.Party, r.Term, r.Target, r.Epoch)
	}
	text := fmt.Sprintf("%s claims %s with term %d: %s", r.Party, r.Target, r.Term.N, r.Stage)
	if r.Override != nil {
		return text + "; " + r.Override.String()
	}
	return text + "."
}
