package vote

import "slices"

// holderState is a Machine's part as a holder of the target's logs. Its durable
// part is the own promise.
type holderState struct {
	freezing  *Record  // the claim that a Freeze is under way for
	promising *pending // a promise on its way to the disk
}

// promise freezes the logs for a claim that says it is elected, unless something
// later was promised. Votes for something later don't matter: it asks for its own
// promise if it wins.
func (m *Machine) promise() {
	if m.promising != nil || !slices.Contains(m.cfg.Holders, m.cfg.Self) {
		return
	}
	var best *Record
	for _, at := range m.parties {
		if c := at.claim; c != nil && (c.Stage == Elected || c.Stage == Open) && m.mayPromise(*c) &&
			(best == nil || c.Term.Compare(best.Term) > 0) {
			best = c
		}
	}
	if best == nil || m.freezing != nil && m.freezing.Term == best.Term {
		return
	}
	m.freezing = best
	m.do(Freeze{Term: best.Term, Epoch: best.Epoch})
}

func (m *Machine) mayPromise(c Record) bool {
	own := m.own().promise
	return own == nil || own.Term.Compare(c.Term) < 0 && own.Epoch < c.Epoch
}

// frozen promises what the logs hold now that nothing older gets in any more.
func (m *Machine) frozen(e Frozen) {
	if m.freezing == nil || m.freezing.Term != e.Term || problemOfReaches(e.Reaches) != "" {
		return
	}
	m.promising = m.write(Record{Kind: KindPromise, Term: e.Term, Epoch: m.freezing.Epoch, Reaches: e.Reaches})
	m.freezing = nil
}

// Accepts tells whether the logs here may take entries from a holder whose table
// ends with this epoch. It is asked before each batch, or after each Freeze by
// whoever takes entries. What an Opening fetches is exempt.
func (m *Machine) Accepts(epoch uint64) bool { return epoch >= m.floor() }

// floor is the epoch that promises, durable or under way, bar everything below.
func (m *Machine) floor() (floor uint64) {
	if own := m.own().promise; own != nil {
		floor = own.Epoch
	}
	if m.freezing != nil {
		floor = max(floor, m.freezing.Epoch)
	}
	if m.promising != nil {
		floor = max(floor, m.promising.record.Epoch)
	}
	return floor
}
