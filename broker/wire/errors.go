package wire

import (
	"errors"
	"strings"
)

var (
	// ErrClosed goes to callers of a Conn after Close: the owner ended it.
	ErrClosed = errors.New("connection closed")
	// ErrSilent ends a Conn whose peer sent nothing for three ping intervals:
	// a black hole. Dial again, preferably elsewhere.
	ErrSilent = errors.New("peer went silent")
	// ErrProtocol ends a Conn whose peer sent bytes that are not NATS. Dialling
	// the same address again is unlikely to help.
	ErrProtocol = errors.New("not the NATS protocol")
	// ErrTooLarge ends a Conn whose peer announced a message above
	// Config.MaxMessage. Raise the limit if such messages are real.
	ErrTooLarge = errors.New("message above the limit for one message")
	// ErrMaxPayload goes to the publisher of a message above the server's
	// max_payload; nothing was sent and the Conn lives on. If the server had to
	// say it itself, the Conn has ended. Sending it again can't succeed.
	ErrMaxPayload = errors.New("message above the server's max_payload")
	// ErrSubject goes to a caller whose subject or reply is empty or holds white
	// space or control characters; nothing was sent.
	ErrSubject = errors.New("not a subject")
	// ErrAuth says that the server refused or withdrew the credentials. Retrying
	// with the same ones can't succeed.
	ErrAuth = errors.New("credentials refused")
	// ErrPermission goes to Config.OnError: the user may not publish to or
	// subscribe to the subject in the text. The Conn lives on.
	ErrPermission = errors.New("permission missing")
	// ErrNoResponders goes to a requester: nobody is subscribed to the subject
	// now. Retry later.
	ErrNoResponders = errors.New("nobody answers on this subject")
	// ErrTLS says that TLS was asked for and the server doesn't offer it, or
	// that bytes came before the handshake. Check the server's configuration.
	ErrTLS = errors.New("no TLS with this server")
	// ErrConfig says that a Config can't be used; the text says why.
	ErrConfig = errors.New("unusable connection settings")
)

// ServerError is an -ERR line of the server. It matches ErrAuth, ErrPermission
// or ErrMaxPayload with errors.Is where it means that.
type ServerError struct {
	Text string // as sent, without the quotes
}

func (e *ServerError) Error() string { return "server says: " + e.Text }

// Is maps the server's texts to this package's sentinels.
func (e *ServerError) Is(target error) bool {
	text := strings.ToLower(e.Text)
	switch target {
	case ErrPermission:
		return strings.HasPrefix(text, "permissions violation")
	case ErrMaxPayload:
		return strings.HasPrefix(text, "maximum payload")
	case ErrAuth:
		return strings.HasPrefix(text, "authorization violation") ||
			strings.Contains(text, "authentication ")
	}
	return false
}

// concernsOneOperation reports whether the server keeps the connection open
// after this error.
func (e *ServerError) concernsOneOperation() bool {
	text := strings.ToLower(e.Text)
	for _, prefix := range []string{
		"permissions violation", "invalid subject", "invalid publish subject",
		"maximum subscriptions exceeded",
	} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
