package broker

import (
	"fmt"
	"maps"

	"github.com/nats-io/nats-server/v2/server"
)

// What a fenced stream looks like: it captures its ingest subject alone, as a
// replica does, and has none of the limits that could discard entries when holes
// are made in it. Those it had stand in its metadata.

func isFenced(c *server.StreamConfig) bool { return c.Metadata[metaFenced] != "" }

// fencedStream is c behind a fence.
func fencedStream(c server.StreamConfig, ingest string) server.StreamConfig {
	if !isFenced(&c) {
		c = withMetadata(c, metaFenced, fmt.Sprintf("%d,%d,%d", c.MaxMsgs, c.MaxBytes, c.MaxMsgSize))
	}
	c.Subjects = []string{ingest + ">"}
	c.SubjectTransform = ingestTransform(ingest)
	c.MaxMsgs, c.MaxBytes, c.MaxMsgSize = unlimited, unlimited, unlimited
	return c
}

// unfencedStream is c with the limits it had before, and still without topics if
// it is fenced.
func unfencedStream(c server.StreamConfig) server.StreamConfig {
	if !isFenced(&c) {
		return c
	}
	// Limits that can't be read are ones that OpenOrigin sets again.
	_, _ = fmt.Sscanf(c.Metadata[metaFenced], "%d,%d,%d", &c.MaxMsgs, &c.MaxBytes, &c.MaxMsgSize)
	c.SubjectTransform = nil
	c.Metadata = maps.Clone(c.Metadata)
	delete(c.Metadata, metaFenced)
	return c
}

// ingestTransform stores what comes in at an ingest prefix under the subject
// behind it.
func ingestTransform(ingest string) *server.SubjectTransformConfig {
	return &server.SubjectTransformConfig{Source: ingest + ">", Destination: ">"}
}
