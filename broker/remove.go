package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"geomq/geo"
)

// A stream that is deleted and made again under its name may show its old
// messages: the server removes files when it has answered already, and where an
// older removal still goes on, or the process dies, it leaves them in place to be
// found by the next stream of that name. So a removal is noted on the disk before
// it begins, waits for the files, and is completed at the next start otherwise.

// removalPoll is how often a removal looks whether the files are gone.
const removalPoll = 2 * time.Millisecond

// deletionsStream is the journal in which a log's deletions are recorded.
func deletionsStream(id geo.CommitLog) string { return journalStream("DELETIONS-" + id.Stream()) }

// streamsOf are all streams that belong to a log.
func streamsOf(id geo.CommitLog) []string {
	return []string{id.Stream(), sealsStream(id), deletionsStream(id)}
}

// Remove takes away a replica with its seals and its record of deletions. It
// returns when no file of theirs is left on this server, so that OpenReplica
// makes an empty one. An origin is refused with ErrRole. Removing what is gone
// does nothing; after an error or a crash, call it again.
func (b *Broker) Remove(ctx context.Context, id geo.CommitLog) error {
	return b.remove(ctx, id, Replica)
}

// RemoveOrigin does what Remove does with an origin, so that OpenOrigin makes an
// empty one. What it held and nobody else has is lost.
func (b *Broker) RemoveOrigin(ctx context.Context, id geo.CommitLog) error {
	return b.remove(ctx, id, Origin)
}

func (b *Broker) remove(ctx context.Context, id geo.CommitLog, role Role) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	b.configs.Lock()
	defer b.configs.Unlock()
	if log, err := b.Lookup(ctx, id); err == nil && log.role != role {
		return fmt.Errorf("remove %s: %w: it is of role %s", id, ErrRole, log.role)
	} else if err != nil && !errors.Is(err, ErrNoLog) {
		return err
	}
	for _, stream := range streamsOf(id) {
		if err := b.noteRemoval(stream); err != nil {
			return fmt.Errorf("remove %s: %w", id, err)
		}
	}
	for _, stream := range streamsOf(id) {
		if err := b.removeStream(ctx, stream); err != nil {
			return fmt.Errorf("remove %s: %w", id, err)
		}
	}
	return nil
}

// Discard does what Remove does, in the data folder of a Broker that is not
// running.
func Discard(data string, id geo.CommitLog) error {
	for _, stream := range streamsOf(id) {
		if err := os.RemoveAll(filepath.Join(streamsFolder(data), stream)); err != nil {
			return fmt.Errorf("discard %s: %w", id, err)
		}
	}
	return nil
}

// finishRemoval does what an earlier Remove has left, before the log is made
// again: the note would otherwise outlive it and remove what is written now.
func (b *Broker) finishRemoval(ctx context.Context, id geo.CommitLog) error {
	b.configs.Lock()
	defer b.configs.Unlock()
	for _, stream := range streamsOf(id) {
		if _, err := os.Stat(filepath.Join(b.removals(), stream)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := b.removeStream(ctx, stream); err != nil {
			return fmt.Errorf("finish its removal: %w", err)
		}
	}
	return nil
}

func (b *Broker) removeStream(ctx context.Context, stream string) error {
	// An older removal in the way would make the server leave the files.
	if err := awaitGone(ctx, b.removedFolder(stream)); err != nil {
		return err
	}
	err := retry(ctx, func() error { return b.api.call(ctx, "STREAM.DELETE."+stream, nil, nil) })
	if hasCode(err, codeStreamNotFound) {
		err = nil
		if !b.cfg.clustered() {
			// Whatever lies there belongs to no stream.
			err = os.RemoveAll(b.streamFolder(stream))
		}
	}
	if err != nil {
		return err
	}
	if err := awaitGone(ctx, b.streamFolder(stream), b.removedFolder(stream)); err != nil {
		return err
	}
	return b.forgetRemoval(stream)
}

// removedFolder is where the server moves a stream's files to remove them.
func (b *Broker) removedFolder(stream string) string { return b.streamFolder("." + stream) }

func awaitGone(ctx context.Context, folders ...string) error {
	pause := time.NewTicker(removalPoll)
	defer pause.Stop()
	for _, folder := range folders {
		for {
			_, err := os.Stat(folder)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("files in %s are not removed: %w", folder, context.Cause(ctx))
			case <-pause.C:
			}
		}
	}
	return nil
}

// removals is the folder of notes, each named like a stream.
func (b *Broker) removals() string { return filepath.Join(b.cfg.Data, "removing") }

// noteRemoval is for a server that stands alone: in a cluster, what is to be
// removed is the cluster's knowledge.
func (b *Broker) noteRemoval(stream string) error {
	if b.cfg.clustered() {
		return nil
	}
	if err := os.MkdirAll(b.removals(), 0o700); err != nil {
		return err
	}
	note := filepath.Join(b.removals(), stream)
	return errors.Join(os.WriteFile(note, nil, 0o600), flush(note), flush(b.removals()))
}

func (b *Broker) forgetRemoval(stream string) error {
	if b.cfg.clustered() {
		return nil
	}
	// That the files are gone must be on the disk before that nobody asked for it.
	if err := flush(b.streamsFolder()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Remove(filepath.Join(b.removals(), stream))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// completeRemovals does, before the server starts, what an earlier process had
// begun.
func (b *Broker) completeRemovals() error {
	notes, err := os.ReadDir(b.removals())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, note := range notes {
		stream := note.Name()
		err = errors.Join(err, os.RemoveAll(b.streamFolder(stream)), os.RemoveAll(b.removedFolder(stream)))
		if err == nil {
			err = b.forgetRemoval(stream)
		}
	}
	return err
}
