package broker

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// fillerPrefix begins the subject of a message that only takes an offset, until
// it is purged and leaves a hole.
const fillerPrefix = "geomq.hole."

// fillers is the subject under which the log's fillers lie in its stream.
func (l *CommitLog) fillers() string { return fillerPrefix + l.id.Queue.Label() }

// RemoveFillers makes holes of fillers that a crash, or a Skip that was broken
// off, has left behind. No Skip may be at work.
func (l *CommitLog) RemoveFillers(ctx context.Context) error { return l.purgeFillers(ctx) }

// purgeFillers removes fillers that a crash left behind, or those just written.
func (l *CommitLog) purgeFillers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	purged := false
	err := retry(ctx, func() error { // a stream that elects its leader does not answer
		err := l.broker.api.read(ctx, "STREAM.MSG.GET."+l.id.Stream(), server.JSApiMsgGetRequest{LastFor: l.fillers()}, nil)
		if hasCode(err, codeNoMessage) {
			return nil
		}
		if err == nil {
			err = l.broker.api.call(ctx, "STREAM.PURGE."+l.id.Stream(), server.JSApiStreamPurgeRequest{Subject: l.fillers()}, nil)
			purged = err == nil
		}
		return err
	})
	if err == nil && purged {
		// The server has written blocks anew that hold entries beside the fillers:
		// they were on the disk, and aren't now.
		err = l.Flush(ctx)
	}
	if err != nil {
		return fmt.Errorf("purge the fillers of %s: %w", l.id, err)
	}
	return nil
}

// RemoveStrays removes the fillers among the messages at some offsets one by one. A
// server whose notes of subjects don't fit its files any more, as after two purges
// close to each other, finds none of them for RemoveFillers.
func (l *CommitLog) RemoveStrays(ctx context.Context, among geo.Ranges) error {
	for _, r := range among {
		for offset := r.First; offset <= r.Last; offset++ {
			var got server.JSApiMsgGetResponse
			err := l.broker.api.read(ctx, "STREAM.MSG.GET."+l.id.Stream(), server.JSApiMsgGetRequest{Seq: uint64(offset)}, &got)
			switch {
			case hasCode(err, codeNoMessage):
				continue
			case err != nil:
				return fmt.Errorf("look for a filler at %d of %s: %w", offset, l.id, err)
			case got.Message == nil || !strings.HasPrefix(got.Message.Subject, fillerPrefix):
				continue
			}
			if err := l.deleteEntry(ctx, offset); err != nil {
				return fmt.Errorf("remove the filler at %d of %s: %w", offset, l.id, err)
			}
		}
	}
	return nil
}
