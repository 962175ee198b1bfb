package client

import "errors"

var (
	// ErrUnreachable goes to whoever connects: no broker answered at the
	// address. Check the address and whether the region is up.
	ErrUnreachable = errors.New("no broker answers")
	// ErrNoLog goes to publishers and readers: nothing in this region captures
	// the subject, or holds the log. Retrying helps only once the log exists.
	ErrNoLog = errors.New("no log in this region")
	// ErrNoAck goes to publishers: the message was sent and no answer came. It
	// may be in the log; publishing again with the same id is safe.
	ErrNoAck = errors.New("no acknowledgement")
	// ErrSubject goes to whoever named a topic that nothing can be published
	// to, or a filter that is no subject: correct it.
	ErrSubject = errors.New("not a usable subject")
	// ErrToken goes to callers of Untoken: the text was not made by Token.
	ErrToken = errors.New("not an escaped token")
	// ErrCutToken goes to callers of Untoken: the token is that of a long text,
	// of which only the beginning and a hash were kept.
	ErrCutToken = errors.New("a token that was cut")
	// ErrStart goes to whoever wrote where to begin reading: correct it.
	ErrStart = errors.New("not a place to start from")
)
