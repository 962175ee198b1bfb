package broker

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// The server writes a stream's configuration over the one before. Power that goes
// in that moment leaves neither, so a copy of what it has acknowledged is kept
// beside, replaced as a whole. It is at most the one change older that was never
// acknowledged to anybody.

// copies is where the copies of a data folder's streams are.
func copies(data string) string { return filepath.Join(data, "stream-configurations") }

// copyMeta keeps a copy of a stream's configuration as the server has it now.
func (b *Broker) copyMeta(stream string) error {
	if b.cfg.clustered() {
		return nil // configurations are the cluster's knowledge
	}
	b.copying.Lock()
	defer b.copying.Unlock()
	meta, err := os.ReadFile(filepath.Join(b.streamFolder(stream), server.JetStreamMetaFile))
	if errors.Is(err, fs.ErrNotExist) || unreadable(stream, meta) != "" {
		return nil // it is being written, or removed: whoever does so comes here next
	}
	if err != nil {
		return err
	}
	path := filepath.Join(copies(b.cfg.Data), stream)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, meta) {
		return nil
	}
	if err := os.MkdirAll(copies(b.cfg.Data), 0o700); err != nil {
		return err
	}
	return replaceFile(path, meta)
}

// restoreMeta puts the copy in place of a configuration that can't be read, with
// its checksum; it is false where there is no good copy.
func restoreMeta(data, stream, folder string) (bool, error) {
	meta, err := os.ReadFile(filepath.Join(copies(data), stream))
	if errors.Is(err, fs.ErrNotExist) || err == nil && unreadable(stream, meta) != "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sum, err := metaSum(stream, meta)
	if err != nil {
		return false, err
	}
	// The configuration comes first: a checksum alone that fits nothing is mended at
	// the next start, one that fits an empty file would not be.
	if err := replaceFile(filepath.Join(folder, server.JetStreamMetaFile), meta); err != nil {
		return false, err
	}
	return true, replaceFile(filepath.Join(folder, server.JetStreamMetaFileSum), []byte(sum))
}
