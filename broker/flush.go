package broker

import (
	"context"
	"errors"
	"fmt"
)

// Flush returns when everything that the log's stream has acknowledged is on
// this server's disk, whatever the server's own policy. In a cluster, a server
// that holds no copy has nothing to flush.
func (l *CommitLog) Flush(ctx context.Context) error {
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return err
	}
	if err := newFlusher(l.broker.cfg.Data, info).created(); err != nil && !errors.Is(err, errNoCopy) {
		return fmt.Errorf("bring %s to the disk: %w", l.id, err)
	}
	return nil
}
