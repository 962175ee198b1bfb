package broker

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// change reads the stream's configuration, lets edit alter it, and brings it to
// the server unless edit made no difference. Two changes by one Broker never
// undo each other. What was changed survives a power cut when change returns.
func (l *CommitLog) change(ctx context.Context, edit func(*server.StreamInfo) (server.StreamConfig, error)) error {
	l.broker.configs.Lock()
	defer l.broker.configs.Unlock()
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return err
	}
	before := info.Config
	before.Metadata = maps.Clone(info.Config.Metadata)
	next, err := edit(info)
	if err != nil {
		return err
	}
	if maps.Equal(before.Metadata, next.Metadata) && sameStream(&before, &next) {
		return nil
	}
	if err := l.broker.api.updateStream(ctx, next); err != nil {
		return err
	}
	return l.broker.flushMeta(l.id.Stream())
}

// streamFolder is where a stream lies on this server's disk.
func (b *Broker) streamFolder(stream string) string {
	return filepath.Join(b.streamsFolder(), stream)
}

func (b *Broker) streamsFolder() string { return streamsFolder(b.cfg.Data) }

func streamsFolder(data string) string {
	return filepath.Join(data, "jetstream", accountApp, "streams")
}

// flushMeta brings a stream's configuration to the disk: the server leaves it to
// the page cache, but what stands there decides what entries mean. A cluster's
// server that holds no copy has nothing to flush.
func (b *Broker) flushMeta(stream string) error {
	folder := b.streamFolder(stream)
	for _, path := range []string{filepath.Join(folder, server.JetStreamMetaFile), filepath.Join(folder, server.JetStreamMetaFileSum), folder} {
		if err := flush(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return b.copyMeta(stream)
}

// flush waits until a file or folder is on the disk.
func flush(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// withMetadata is cfg with one value of its metadata changed, or taken out where
// value is empty.
func withMetadata(cfg server.StreamConfig, key, value string) server.StreamConfig {
	cfg.Metadata = maps.Clone(cfg.Metadata)
	if cfg.Metadata == nil {
		cfg.Metadata = map[string]string{}
	}
	cfg.Metadata[key] = value
	if value == "" {
		delete(cfg.Metadata, key)
	}
	return cfg
}
