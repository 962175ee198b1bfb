package opening

import (
	"slices"
	"time"

	"geomq/geo"
)

// Machine decides how one log is opened. It is used from one goroutine.
type Machine struct {
	facts   Facts
	own     geo.Extent
	holders []*holder // in the order of Facts.Others
	elapsed time.Duration
	// doubt says why the tail may be lost, nothing if it is safe. What once
	// refuted a safe tail goes on refuting it.
	doubt string
	// table is the longest that agrees with the origin's own.
	table geo.Epochs
	// decided is the table of the last NewEpoch, until it is made.
	decided geo.Epochs
	// made says that the stream stands where a decision has put it.
	made   bool
	pulled bool
	holes  survey
}

// New takes the facts as they are when the broker has started.
func New(facts Facts) *Machine {
	facts.Margin = max(facts.Margin, MinMargin)
	m := &Machine{facts: facts}
	m.stand(facts.Own)
	for _, region := range facts.Others {
		if region != facts.Log.Origin && m.holder(region) == nil {
			m.holders = append(m.holders, &holder{region: region})
		}
	}
	m.doubt = firstDoubt(facts)
	m.judge()
	return m
}

func firstDoubt(f Facts) string {
	switch {
	case f.Fresh && f.Note.Known:
		return "its stream is gone"
	case f.Fresh || f.TailSafe:
		return ""
	case f.Doubt == "":
		return "its tail may be lost"
	}
	return f.Doubt
}

// Step takes note of an event and decides anew. Regions that are not among
// Facts.Others have no say.
func (m *Machine) Step(event Event) Decision {
	switch e := event.(type) {
	case Told:
		m.told(e)
	case Silent:
		if h := m.holder(e.Region); h != nil && !h.told {
			h.asked, h.silence = true, e.Reason
		}
	case PulledBack:
		m.pulledBack(e)
	case PullFailed:
		m.pullFailed(e)
	case Made:
		m.carriedOut(e)
	case Surveyed:
		m.surveyed(e)
	case Returned:
		m.putBackDone(e)
	case Tick:
		m.elapsed = max(m.elapsed, e.Elapsed)
	}
	m.judge()
	return m.Decision()
}

// Decision is the one that holds now.
func (m *Machine) Decision() Decision {
	if !m.made {
		if mend, ok := m.mend(); ok {
			return mend
		}
		if back, ok := m.putBack(); ok {
			return back
		}
		if pull, ok := m.pullBack(); ok {
			if wait, ok := m.wait(m.facts.AskWait); ok {
				return wait
			}
			return pull
		}
		if wait, ok := m.wait(m.patience()); ok {
			return wait
		}
		if m.lost() {
			if m.giveUp() {
				return m.Decision()
			}
			return m.newEpoch()
		}
	}
	if last := m.own.Epochs.Latest().First - 1; m.own.Last < last {
		return m.finish(last)
	}
	return m.open()
}

// Doubt says why the log's tail may be lost; it is empty where nothing speaks
// against a safe tail. What it says has to survive a crash of the process.
func (m *Machine) Doubt() string { return m.doubt }

// Forgetful tells whether the origin may have forgotten what it recorded beside the
// log, such as deletions: only the other regions know then.
func (m *Machine) Forgetful() bool { return m.lost() }

// Floor is the last offset that is known to have been somebody's, or promised. It is
// written down with fsync before a decision is carried out: whoever told of it may
// be silent when a broken-off opening begins anew.
func (m *Machine) Floor() geo.Offset { return m.floor() }

// Told are the regions that have told where they stand.
func (m *Machine) Told() (told []geo.Region) {
	for _, h := range m.holders {
		if h.told {
			told = append(told, h.region)
		}
	}
	return told
}

// lost tells whether the log can't go on in its epoch: its tail may be missing,
// or it was never here and not everybody has told whether it exists.
func (m *Machine) lost() bool {
	return m.doubt != "" || m.facts.Fresh && len(m.awaited()) > 0
}

// patience is how long regions are waited for.
func (m *Machine) patience() time.Duration {
	if m.doubt != "" || m.facts.Fresh {
		return m.facts.OpenWait
	}
	return m.facts.AskWait
}

// wait tells whether somebody is worth waiting for. Where the tail is safe, who
// could not be reached once is not.
func (m *Machine) wait(patience time.Duration) (Wait, bool) {
	awaited := m.awaited()
	if patience <= m.facts.AskWait {
		awaited = slices.DeleteFunc(awaited, func(h *holder) bool { return h.asked })
	}
	if len(awaited) == 0 || m.elapsed >= patience {
		return Wait{}, false
	}
	return Wait{Until: patience, For: regions(awaited), said: m.sayWait(awaited, patience)}, true
}

func (m *Machine) finish(through geo.Offset) Finish {
	return Finish{Through: through, said: m.sayFinish(through)}
}

func (m *Machine) open() Open { return Open{m.sayOpen()} }

// stand notes what the origin's stream holds.
func (m *Machine) stand(own geo.Extent) {
	if len(own.Epochs) == 0 {
		own.Epochs = geo.FirstEpochs()
	}
	m.own = own
}

// pulledBack takes a pull that brought nothing for one that failed.
func (m *Machine) pulledBack(e PulledBack) {
	if e.Own.Last <= m.own.Last {
		m.pullFailed(PullFailed{Reason: "it ended its link early", Own: e.Own})
		return
	}
	m.pulled = true
	m.stand(e.Own)
}

// pullFailed gives up a holder for good, or until it tells again. One that brought
// something is tried on.
func (m *Machine) pullFailed(e PullFailed) {
	h := m.holder(e.Region)
	if pull, ok := m.pullBack(); ok && h == nil {
		h = m.holder(pull.From[0])
	}
	progress := e.Own.Last > m.own.Last
	m.pulled = m.pulled || progress
	m.stand(e.Own)
	switch {
	case h == nil:
	case e.Contradicts:
		h.contradicts = e.Reason
	case !progress:
		h.told, h.asked, h.silence = false, false, e.Reason
		h.spent = m.elapsed >= m.facts.OpenWait
	}
}

func (m *Machine) carriedOut(e Made) {
	m.stand(e.Own)
	m.made = m.own.Epochs.Extends(m.decided)
}
