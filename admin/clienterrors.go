package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Error is what a node answered instead of what was asked for. It matches
// ErrNotFound, ErrNotReady, ErrBadRequest, ErrRefused, ErrElsewhere, ErrForbidden
// or ErrForeign by its Code.
type Error struct {
	URL string
	// Status is the HTTP status, 0 where the error ended a stream of lines.
	Status int
	Code   string
	// Message is the node's own, for people.
	Message string
}

// Error is the node's message with the node in front.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.URL, e.Message) }

// Is matches the sentinel that stands for e.Code.
func (e *Error) Is(target error) bool {
	switch e.Code {
	case codeNotFound:
		return target == ErrNotFound
	case codeNotReady:
		return target == ErrNotReady
	case codeBadRequest, codeMethod, codeHost:
		return target == ErrBadRequest
	case codeRefused:
		return target == ErrRefused
	case codeElsewhere:
		return target == ErrElsewhere
	case codeForbidden:
		return target == ErrForbidden
	case codeVersion:
		return target == ErrForeign
	}
	return false
}

// UnreachableError says that nothing answered, or not to the end. It matches
// ErrNoAnswer and the cause.
type UnreachableError struct {
	URL string
	Err error
}

// Error tells people what to try.
func (e *UnreachableError) Error() string {
	var timeout net.Error
	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing answers at %s: is a node running? start one with `geomq dev`, or name another with --admin", e.URL)
	case errors.Is(e.Err, context.DeadlineExceeded) || errors.As(e.Err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("%s did not answer in time: is the node overloaded, or the network cut?", e.URL)
	}
	return fmt.Sprintf("no answer from %s: %v", e.URL, e.Err)
}

// Unwrap is ErrNoAnswer and the cause.
func (e *UnreachableError) Unwrap() []error { return []error{ErrNoAnswer, e.Err} }

// ForeignError says that something answered that is not what this program can
// talk to. It matches ErrForeign.
type ForeignError struct{ URL, Reason string }

// Error tells people what to check.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("what answers at %s is not a geomq node that this program understands: %s", e.URL, e.Reason)
}

// Unwrap is ErrForeign.
func (e *ForeignError) Unwrap() error { return ErrForeign }
