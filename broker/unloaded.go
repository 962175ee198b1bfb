package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// A stream's configuration stands in one file and the checksum over it in another,
// written one after the other and without fsync. A power cut, or a kill at the
// wrong moment, leaves two that don't belong together, and JetStream passes over
// such a stream when it starts: its messages lie there and nobody shows them.

// Unloaded is a stream with messages that JetStream will not load, and that can't
// be mended.
type Unloaded struct {
	Stream string
	// Folder is where it lies, File the one in there that is damaged.
	Folder string
	File   string
	// Reason is what is wrong with it, a clause for people.
	Reason string
}

// Present tells whether the stream still lies there.
func (u Unloaded) Present() bool {
	_, err := os.Stat(u.Folder)
	return err == nil
}

// MendStreams makes streams in a data folder loadable again whose configuration is
// whole, or has a copy, and whose checksum isn't; it is called before Open, and names
// them. Streams with messages whose configuration can't be read, and of which there
// is no copy, are returned as unloaded: to make
// them anew would lose what their configuration said, a log's epochs among it, so
// the caller must leave them alone until a person has put the file back, or has
// taken the folder away. A stream without messages is nothing that could be lost,
// one without the file and without a copy is one that was being removed.
//
// The folder must be that of a broker that stands alone; in a cluster
// configurations are the cluster's knowledge. Errors: ErrDataInUse, or what could
// not be read or written.
func MendStreams(data string) (mended []string, unloaded []Unloaded, err error) {
	streams, err := os.ReadDir(streamsFolder(data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for streams that can't be loaded: %w", err)
	}
	lock, err := LockFolder(data)
	if err != nil {
		return nil, nil, err
	}
	defer lock.Close()
	for _, entry := range streams {
		if strings.HasPrefix(entry.Name(), ".") || removing(data, entry.Name()) {
			continue
		}
		torn, done, err := mendStream(data, entry.Name())
		switch {
		case err != nil:
			return mended, unloaded, fmt.Errorf("make stream %s loadable: %w", entry.Name(), err)
		case torn != nil:
			unloaded = append(unloaded, *torn)
		case done:
			mended = append(mended, entry.Name())
		}
	}
	return mended, unloaded, nil
}

// removing tells whether a removal of the stream has begun; Open completes it.
func removing(data, stream string) bool {
	b := Broker{cfg: Config{Data: data}}
	_, err := os.Stat(filepath.Join(b.removals(), stream))
	return err == nil
}

// mendStream looks at one stream: it is either fine, mended, or torn.
func mendStream(data, stream string) (torn *Unloaded, mended bool, err error) {
	folder := filepath.Join(streamsFolder(data), stream)
	metaFile := filepath.Join(folder, server.JetStreamMetaFile)
	meta, err := os.ReadFile(metaFile)
	if errors.Is(err, fs.ErrNotExist) {
		if holdsMessages(folder) { // else there is nothing to be shown
			mended, err = restoreMeta(data, stream, folder)
			return nil, mended, err
		}
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	sum, err := metaSum(stream, meta)
	if err != nil {
		return nil, false, err
	}
	sumFile := filepath.Join(folder, server.JetStreamMetaFileSum)
	there, err := os.ReadFile(sumFile)
	whyNot := unreadable(stream, meta)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, false, err
	case string(there) == sum && len(meta) > 0:
		return nil, false, nil // whatever it says, the server judges it
	case whyNot == "":
		return nil, true, replaceFile(sumFile, []byte(sum))
	case !holdsMessages(folder):
		return nil, false, nil
	}
	if mended, err = restoreMeta(data, stream, folder); mended || err != nil {
		return nil, mended, err
	}
	return &Unloaded{Stream: stream, Folder: folder, File: metaFile, Reason: whyNot}, false, nil
}

// metaSum is the checksum over a stream's configuration as the server writes it.
func metaSum(stream string, meta []byte) (string, error) {
	key := sha256.Sum256([]byte(stream))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return "", err
	}
	hash.Write(meta)
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// unreadable says why the server could not make a stream of that configuration, or
// nothing.
func unreadable(stream string, meta []byte) string {
	var cfg server.FileStreamInfo
	switch err := json.Unmarshal(meta, &cfg); {
	case len(meta) == 0:
		return "it is empty"
	case err != nil:
		return err.Error()
	case cfg.Name != stream:
		return fmt.Sprintf("it is that of stream %q", cfg.Name)
	}
	return ""
}

// holdsMessages tells whether there is anything in a stream's folder that could be
// lost; whatever can't be read may be.
func holdsMessages(folder string) bool {
	files, err := os.ReadDir(filepath.Join(folder, "msgs"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	for _, file := range files {
		if info, err := file.Info(); strings.HasSuffix(file.Name(), ".blk") && (err != nil || info.Size() > 0) {
			return true
		}
	}
	return false
}

// replaceFile writes a file as a whole and to the disk.
func replaceFile(path string, data []byte) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
		return err
	}
	return flush(filepath.Dir(path))
}
