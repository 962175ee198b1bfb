package gateway

// Action is what a Machine wants done.
type Action interface{ action() }

// Close asks for an end of so many of the backend's connections, those that are
// only being made included. It is not repeated: each connection that is told to
// end counts as ending until Closed.
type Close struct {
	Backend string
	Count   int
	Cause   Cause
}

// Changed says that a backend is judged differently; it comes once per change.
type Changed struct {
	Backend  string
	From, To State
	Why      string
}

func (Close) action()   {}
func (Changed) action() {}

// Cause is why a connection ended. It is the value of a metric's label.
type Cause string

const (
	// CauseDead: the backend was silent for too long.
	CauseDead Cause = "dead"
	// CauseFenced: the backend must not be reached any more.
	CauseFenced Cause = "fenced"
	// CauseLapsed: the backend's lease has ended.
	CauseLapsed Cause = "lapsed"
	// CauseDrained: the backend is being drained, is stopping, or is not listed any more.
	CauseDrained Cause = "drained"
	// CauseUnready: the backend does not serve its logs.
	CauseUnready Cause = "unready"
	// CauseHome: a more preferred region has been well for long enough.
	CauseHome Cause = "home"
	// CauseShutdown: the gateway stops.
	CauseShutdown Cause = "shutdown"

	// CauseClient: the client left, or its machine did.
	CauseClient Cause = "client"
	// CauseBackend: the backend ended the connection.
	CauseBackend Cause = "backend"
	// CauseStranger: the client did not speak the protocol, or not in time.
	CauseStranger Cause = "stranger"
	// CauseNone: no backend served in time.
	CauseNone Cause = "no-backend"
	// CauseLimit: there were Config.MaxConnections already.
	CauseLimit Cause = "limit"
)

// Causes are all of them.
func Causes() []Cause {
	return []Cause{
		CauseDead, CauseFenced, CauseLapsed, CauseDrained, CauseUnready, CauseHome, CauseShutdown,
		CauseClient, CauseBackend, CauseStranger, CauseNone, CauseLimit,
	}
}
