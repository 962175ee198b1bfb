package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"geomq/broker"
	"geomq/geo"
	"geomq/mirror"
)

// unloadedPause is how often it is looked whether a person has taken away what
// JetStream can't load.
const unloadedPause = 2 * time.Second

// unloaded are streams that lie on the disk and that JetStream can't load, by name.
// They are not changed after the start; what is gone from the disk counts no more.
type unloaded map[string]broker.Unloaded

// mendStreams makes loadable what can be, before the broker starts, and where the
// files may not be what was written has it look into each. In a cluster
// configurations come from the other brokers.
func mendStreams(data string, doubt, clustered bool, log *slog.Logger) (unloaded, error) {
	if doubt {
		log.Info("the files of all logs are read before they are used, since the run before did not end orderly")
		if err := broker.DropIndexes(data); err != nil && !errors.Is(err, broker.ErrDataInUse) {
			return nil, err
		}
	}
	if clustered {
		return nil, nil
	}
	mended, torn, err := broker.MendStreams(data)
	for _, stream := range mended {
		log.Warn("the checksum of a stream's configuration was damaged, as by a power cut, and has been written anew", "stream", stream)
	}
	if errors.Is(err, broker.ErrDataInUse) {
		err = nil // whoever opens the broker says it better
	}
	left := unloaded{}
	for _, u := range torn {
		left[u.Stream] = u
		log.Error("JetStream can't load a stream", "stream", u.Stream, "file", u.File, "reason", u.Reason)
	}
	return left, err
}

// problem says what is the matter with a log's stream, and what to do; nil where
// nothing is.
func (u unloaded) problem(id geo.CommitLog, region geo.Region) error {
	torn, ok := u[id.Stream()]
	if !ok || !torn.Present() {
		return nil
	}
	return fmt.Errorf("%s lies on the disk of %s, but JetStream can't load it: %s can't be read (%s); stop the node, put that file back from a backup together with meta.sum, or move %s away to have the log fetched from the other regions, and start the node",
		id, region, torn.File, torn.Reason, torn.Folder)
}

// awaitLoadable waits while the log's stream lies on the disk and can't be loaded:
// nothing may be made in its place. It is false when ctx has ended.
func (d *duty) awaitLoadable(ctx context.Context) bool {
	for {
		problem := d.node.unloaded.problem(d.id, d.node.cfg.Region)
		if problem == nil {
			return ctx.Err() == nil
		}
		d.fail(problem)
		if !sleep(ctx, unloadedPause) {
			return false
		}
	}
}

// creatable refuses to make a replica in the place of one that can't be loaded. An
// order that makes it anew takes that away first.
func (n *Node) creatable(id geo.CommitLog) error {
	if problem := n.unloaded.problem(id, n.cfg.Region); problem != nil {
		return fmt.Errorf("%w: %w", mirror.ErrStream, problem)
	}
	return nil
}
