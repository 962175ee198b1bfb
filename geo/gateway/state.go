package gateway

// State is how a backend is judged. It is a word for people and metrics.
type State string

const (
	// StateUnknown: it has not been heard of yet.
	StateUnknown State = "unknown"
	// StateUp: it serves.
	StateUp State = "up"
	// StateDoubtful: its last probe or the last connection to it found no answer.
	StateDoubtful State = "doubtful"
	// StateUnready: its server answers, but its node says that it does not serve.
	StateUnready State = "unready"
	// StateRecovering: it answers again, and has to prove steady first.
	StateRecovering State = "recovering"
	// StateRefusing: nobody listens there.
	StateRefusing State = "refusing"
	// StateDead: it has been silent for too long.
	StateDead State = "dead"
	// StateDraining: it gets no new clients and loses those it has.
	StateDraining State = "draining"
	// StateLapsed: its lease has ended.
	StateLapsed State = "lapsed"
	// StateFenced: it must not be reached.
	StateFenced State = "fenced"
)

// States are all of them.
func States() []State {
	return []State{
		StateUnknown, StateUp, StateDoubtful, StateUnready, StateRecovering,
		StateRefusing, StateDead, StateDraining, StateLapsed, StateFenced,
	}
}

// never is the tier of backends that no client is taken to.
const never = 3

// tier orders states for a choice: what serves; what may not serve well; what is
// only tried since nothing else is left, because the gateway may be wrong.
func (s State) tier() int {
	switch s {
	case StateUp, StateDoubtful, StateUnknown:
		return 0
	case StateRecovering, StateUnready:
		return 1
	case StateRefusing, StateDead:
		return 2
	}
	return never
}

// takes tells whether a client that has to leave another backend is well advised
// to come here.
func (s State) takes() bool { return s == StateUp || s == StateRecovering }
