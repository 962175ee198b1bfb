package main

import (
	"errors"
	"fmt"

	"geomq/admin"
)

// The exit codes; doc.go says what they mean.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitNotSafe = 3
	exitTrouble = 4
	exitRefused = 5
	exitKilled  = 130
)

// usageError says that the command line itself is wrong.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// quietExit ends a command with a code; all that is to be said has been said.
type quietExit struct{ code int }

func (e *quietExit) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode is the process's exit code for what a command returned.
func exitCode(err error) int {
	var usage *usageError
	var quiet *quietExit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &quiet):
		return quiet.code
	case errors.As(err, &usage):
		return exitUsage
	case nothingChanged(err):
		return exitRefused
	}
	return exitFailed
}

// errDeclined says that the person who was asked did not say yes.
var errDeclined = errors.New("nothing was changed")

// nothingChanged tells whether err is that an order was refused before anything
// was done.
func nothingChanged(err error) bool {
	var told *admin.Error
	refused := errors.As(err, &told) && (errors.Is(err, admin.ErrRefused) || errors.Is(err, admin.ErrForbidden))
	return refused || errors.Is(err, errDeclined) || errors.Is(err, errNothingDone)
}

// errNothingDone says that a region found nothing to carry an order out on.
var errNothingDone = errors.New("nothing was changed")
