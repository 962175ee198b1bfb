package main

import (
	"errors"
	"fmt"
)

// The exit codes; doc.go says what they mean.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitNotSafe = 3
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
	}
	return exitFailed
}
