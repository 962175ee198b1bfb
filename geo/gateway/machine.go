package gateway

import (
	"slices"
	"time"
)

// Machine decides where new connections go and which open ones have to end. It is
// used from one goroutine at a time.
type Machine struct {
	terms    Terms
	backends []*health // by name
	order    []rank    // of regions
	last     time.Time // of the last event
}

// NewMachine returns a Machine that knows no backends yet.
func NewMachine(terms Terms) *Machine { return &Machine{terms: terms.withDefaults()} }

// Step takes note of an event at the time now, which never goes back, and returns
// what has to be done. Events about backends that are not known change nothing.
func (m *Machine) Step(now time.Time, event Event) []Action {
	m.pass(now)
	if e, ok := event.(Listed); ok {
		m.list(e.Entries)
	} else {
		m.take(event)
	}
	return m.settle(now)
}

// pass counts the time since the last event, as far as the gateway ran in it: one
// that was suspended has not listened, and concludes nothing from having heard
// nothing.
func (m *Machine) pass(now time.Time) {
	if !m.last.IsZero() {
		ran := min(max(now.Sub(m.last), 0), 2*m.terms.Beat)
		for _, h := range m.backends {
			h.pass(ran, m.terms)
		}
	}
	m.last = now
}

func (m *Machine) take(event Event) {
	switch e := event.(type) {
	case Answered:
		m.with(e.Backend, func(h *health) { h.answered(e) })
	case Refused:
		m.with(e.Backend, func(h *health) { h.refused = orElse(e.Why, "nobody listens there") })
	case Missed:
		m.with(e.Backend, func(h *health) { h.missed = orElse(e.Why, "a connection could not be made") })
	case Told:
		m.with(e.Backend, func(h *health) { h.ready.tell(e.Ready, e.Why) })
	case Opened:
		m.with(e.Backend, func(h *health) { h.open++ })
	case Closed:
		m.with(e.Backend, func(h *health) { h.open, h.ending = max(h.open-1, 0), max(h.ending-1, 0) })
	}
}

func (m *Machine) with(name string, change func(*health)) {
	if h := m.backend(name); h != nil {
		change(h)
	}
}

func (m *Machine) backend(name string) *health {
	for _, h := range m.backends {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// list takes over the Directory's list. What was known of a backend that is at
// another address now tells nothing about it.
func (m *Machine) list(entries []Entry) {
	for _, h := range m.backends {
		h.listed = false
	}
	for _, e := range entries {
		h := m.backend(e.Name)
		if h == nil {
			h = &health{state: StateUnknown, since: m.last}
			m.backends = append(m.backends, h)
		}
		if h.NATS != e.NATS && h.NATS != "" {
			h.heard, h.silent, h.falls, h.well, h.trip, h.ready = false, 0, 0, 0, 0, readiness{}
		}
		h.Entry, h.listed = e, true
	}
	slices.SortFunc(m.backends, func(a, b *health) int { return compare(a.Name, b.Name) })
}

// settle judges every backend anew and says what follows.
func (m *Machine) settle(now time.Time) []Action {
	var actions []Action
	for _, h := range m.backends {
		if from, changed := h.settle(now, m.terms); changed {
			actions = append(actions, Changed{Backend: h.Name, From: from, To: h.state, Why: h.why})
		}
	}
	m.rank()
	for _, h := range m.backends {
		if c, ok := m.leave(h); ok {
			h.ending += c.Count
			actions = append(actions, c)
		}
	}
	m.backends = slices.DeleteFunc(m.backends, func(h *health) bool { return !h.listed && h.open == 0 })
	return actions
}

// leave says which of h's connections have to end now.
func (m *Machine) leave(h *health) (Close, bool) {
	cause, hurry := m.reason(h)
	count := h.open - h.ending
	if cause == "" {
		h.allowance = 0 // it grows from when they begin to leave
	}
	if !hurry {
		count = min(count, int(h.allowance))
	}
	if cause == "" || count <= 0 {
		return Close{}, false
	}
	if !hurry {
		h.allowance -= float64(count)
	}
	return Close{Backend: h.Name, Count: count, Cause: cause}, true
}

// reason is why h's connections have to end, none if they may stay, and whether
// all of them have to at once.
func (m *Machine) reason(h *health) (cause Cause, hurry bool) {
	switch h.state {
	case StateFenced:
		return CauseFenced, true
	case StateLapsed:
		return CauseLapsed, true
	}
	if !m.elsewhere(h) {
		return "", false
	}
	switch h.state {
	case StateDead:
		return CauseDead, true
	case StateDraining:
		return CauseDrained, false
	case StateUnready:
		return CauseUnready, false
	}
	if m.homesick(h) {
		return CauseHome, false
	}
	return "", false
}

// elsewhere tells whether a client that leaves h has somewhere to go.
func (m *Machine) elsewhere(h *health) bool {
	return slices.ContainsFunc(m.backends, func(other *health) bool { return other != h && other.state.takes() })
}

// homesick tells whether h's clients should be in a more preferred region, which
// has been well for long enough.
func (m *Machine) homesick(h *health) bool {
	return !m.terms.Stay && slices.ContainsFunc(m.backends, func(other *health) bool {
		return other.state == StateUp && other.well >= m.terms.HomeAfter && m.place(other.Region) < m.place(h.Region)
	})
}

// Serves tells whether there is a backend that clients are taken to without much
// doubt.
func (m *Machine) Serves() bool {
	return slices.ContainsFunc(m.backends, func(h *health) bool { return h.state.tier() < 2 && h.state != StateUnready })
}
