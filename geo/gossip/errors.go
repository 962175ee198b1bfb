package gossip

import "errors"

// Errors of Open.
var (
	// ErrConfig says that a Config can't be used. Whoever wrote the
	// configuration gets it; the text names the field and what it needs.
	ErrConfig = errors.New("gossip configuration")
	// ErrListen says that the address to listen on isn't to be had. The
	// operator frees it or names another; gossip needs TCP and UDP on one port.
	ErrListen = errors.New("gossip can't listen")
)

// ErrLeave says that the others may not have heard the goodbye in time; they
// will find out by themselves. There is nothing to do about it.
var ErrLeave = errors.New("gossip left without being heard")

// errMeta says why a member's name or meta is none of a node that we can read.
var errMeta = errors.New("unreadable member")
