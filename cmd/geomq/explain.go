package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"geomq/admin"
	"geomq/client"
	"geomq/cmd/geomq/internal/term"
)

// explain writes err for a person: what happened, and what to do now. Most
// errors of our packages say so themselves; those of the network don't.
func explain(err error) string {
	text := strings.TrimSpace(plain(err))
	hint := hintFor(err)
	if hint == "" || strings.Contains(text, hint) {
		return text
	}
	return text + "\n  " + hint
}

// plain is err's text, each line of it clean. The errors of package net begin
// with words for programmers; they are cut off.
func plain(err error) string {
	if err == context.Canceled || errors.Is(err, context.Canceled) && errors.Is(err, admin.ErrNoAnswer) {
		return "interrupted"
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		line = term.Clean(line)
		for _, word := range []string{"dial tcp: ", "dial tcp ", "connect: ", `Get "`} {
			line = strings.ReplaceAll(line, word, "")
		}
		lines[i] = strings.ReplaceAll(line, context.Canceled.Error(), "interrupted")
	}
	return strings.Join(lines, "\n")
}

const (
	hintStart   = "is it running? Start a deployment with: geomq dev; or name one of its nodes with --admin URL"
	hintVersion = "check that the URL is that of a geomq node's admin API, and compare versions with: geomq version"
	hintTimeout = "the node is slow or cut off; try again, or ask another node with --admin URL"
	hintBroker  = "look at the regions with: geomq region ls; pick another one with --region"
	hintPort    = "another process listens there; stop it or change the port"
	hintAccess  = "the user running geomq may not do that; check owner and mode of the path"
	hintLookup  = "the host name can't be resolved; check it, or use an address"
	hintPath    = "check the path"
	hintDisk    = "the disk is full; make room and try again"
)

// hintFor is what to do about err, where its text does not say so.
func hintFor(err error) string {
	var lookup *net.DNSError
	switch {
	case errors.Is(err, errNoDeployment), errors.Is(err, errNoRegion):
		return ""
	case errors.Is(err, admin.ErrForeign):
		return hintVersion
	case errors.Is(err, admin.ErrNoAnswer) && strings.Contains(err.Error(), "?"):
		return "" // it asks the right question itself
	case errors.Is(err, client.ErrUnreachable):
		return hintBroker
	case errors.As(err, &lookup):
		return hintLookup
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return hintTimeout
	case errors.Is(err, admin.ErrNoAnswer), errors.Is(err, syscall.ECONNREFUSED):
		return hintStart
	case errors.Is(err, syscall.EADDRINUSE):
		return hintPort
	case errors.Is(err, os.ErrNotExist) && !strings.Contains(err.Error(), ";"):
		return hintPath
	case errors.Is(err, os.ErrPermission):
		return hintAccess
	case errors.Is(err, syscall.ENOSPC):
		return hintDisk
	}
	return ""
}
