package vote

import (
	"fmt"
	"slices"
	"strings"
)

// Voters is a configuration: who votes.
type Voters struct {
	// Version counts from 1.
	Version uint64  `json:"version"`
	Members []Party `json:"members"`
	// Before are the members of the version before, none in version 1.
	Before []Party `json:"before,omitempty"`
}

// FirstVoters is version 1.
func FirstVoters(members ...Party) Voters {
	return Voters{Version: 1, Members: sorted(members)}
}

// With is the version that has p besides. The error wraps ErrVoters.
func (v Voters) With(p Party) (Voters, error) {
	return v.next(append(slices.Clone(v.Members), p))
}

// Without is the version that lacks p. The error wraps ErrVoters.
func (v Voters) Without(p Party) (Voters, error) {
	return v.next(slices.DeleteFunc(slices.Clone(v.Members), func(m Party) bool { return m == p }))
}

func (v Voters) next(members []Party) (Voters, error) {
	next := Voters{Version: v.Version + 1, Members: sorted(members), Before: v.Members}
	if problem := problemOfVoters(next); problem != "" {
		return v, fmt.Errorf("%w: %s", ErrVoters, problem)
	}
	return next, nil
}

// Same tells whether v and w are one configuration.
func (v Voters) Same(w Voters) bool {
	return v.Version == w.Version && slices.Equal(v.Members, w.Members)
}

// follows tells whether v is the next version of w.
func (v Voters) follows(w Voters) bool {
	return v.Version == w.Version+1 && slices.Equal(v.Before, w.Members)
}

// Has tells whether p votes.
func (v Voters) Has(p Party) bool { return slices.Contains(v.Members, p) }

// Majority tells whether more than half of the members have what is asked.
func (v Voters) Majority(has func(Party) bool) bool { return majority(v.Members, has) }

// Needed is how many members are more than half.
func (v Voters) Needed() int { return len(v.Members)/2 + 1 }

// String writes v as "version 2 of the voters (a, b, c)".
func (v Voters) String() string {
	return fmt.Sprintf("version %d of the voters (%s)", v.Version, list(v.Members))
}

func majority(members []Party, has func(Party) bool) bool {
	return count(members, has) > len(members)/2
}

func count(members []Party, has func(Party) bool) (n int) {
	for _, p := range members {
		if has(p) {
			n++
		}
	}
	return n
}

// problemOfVoters says what can't be; the zero Voters is none.
func problemOfVoters(v Voters) string {
	if len(v.Members) == 0 && v.Version == 0 && len(v.Before) == 0 {
		return ""
	}
	switch {
	case len(v.Members) == 0 || len(v.Members) > maxVoters:
		return fmt.Sprintf("there are %d voters, 1 to %d can be", len(v.Members), maxVoters)
	case v.Version == 0 || v.Version >= top || (v.Version == 1) != (len(v.Before) == 0):
		return "the voters' versions do not fit"
	case !slices.Equal(v.Members, sorted(v.Members)) || !slices.Equal(v.Before, sorted(v.Before)):
		return "the voters are not in order, or one is named twice"
	case slices.ContainsFunc(append(slices.Clone(v.Members), v.Before...), func(p Party) bool { return !named(string(p)) }):
		return "a voter has no name"
	case v.Version > 1 && changes(v.Members, v.Before) != 1:
		return fmt.Sprintf("from (%s) to (%s) is not one voter more or less: change one at a time", list(v.Before), list(v.Members))
	}
	return ""
}

// changes counts who is in one of a and b only.
func changes(a, b []Party) int {
	in := func(set []Party) func(Party) bool { return func(p Party) bool { return !slices.Contains(set, p) } }
	return count(a, in(b)) + count(b, in(a))
}

func sorted(members []Party) []Party {
	members = slices.Clone(members)
	slices.Sort(members)
	return slices.Compact(members)
}

func list(parties []Party) string {
	names := make([]string, len(parties))
	for i, p := range parties {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
