package main

import (
	"context"
	"time"

	"geomq/admin"
)

const (
	// askTimeout bounds a question to a whole deployment, probeTimeout one that
	// only finds out whether somebody answers, completeTimeout all that the
	// shell waits for when it completes a word.
	askTimeout      = 15 * time.Second
	probeTimeout    = 2 * time.Second
	completeTimeout = 800 * time.Millisecond
)

// ask puts a question with its timeout.
func ask(ctx context.Context, node *admin.Client, scope admin.Scope, timeout time.Duration) (admin.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return node.Status(ctx, scope)
}
