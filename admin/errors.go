package admin

import "errors"

var (
	// ErrNotFound says that what was asked for is not there: no such stream in
	// this region, no entry at the offset, no such path. Backends wrap it, a
	// Client's caller asks another holder or corrects the name.
	ErrNotFound = errors.New("not found")
	// ErrNotReady says that the node lives but can't do its work yet. Backends
	// wrap it where waiting helps; a Client's caller tries again.
	ErrNotReady = errors.New("not ready")
	// ErrBadRequest says that the question itself is wrong; asking again does
	// not help.
	ErrBadRequest = errors.New("bad request")
	// ErrRefused says that an order can't be carried out as things are, e.g. on a
	// log that is not open, and that nothing was changed. Backends wrap it with what
	// has to change first.
	ErrRefused = errors.New("refused")
	// ErrElsewhere says that another node of the same region has to carry an order
	// out. Backends wrap it; a Server passes the order on.
	ErrElsewhere = errors.New("another node has to do it")
	// ErrForbidden says that a node takes no orders from where this one came. The
	// person sends it to a node that does, or changes the configuration.
	ErrForbidden = errors.New("forbidden")
	// ErrNoAnswer says that nothing answered at the address, or what answered
	// was cut off. A Client's caller tries another node.
	ErrNoAnswer = errors.New("no answer")
	// ErrForeign says that something answered that does not speak this
	// version of the API. The person checks the address and the versions.
	ErrForeign = errors.New("not a geomq node of this version")
	// ErrConfig says that a Config is incomplete; the programmer mends it.
	ErrConfig = errors.New("admin server is not configured")
)
