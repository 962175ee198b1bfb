package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// indexFile is where the server notes what a stream's blocks hold. When it starts it
// believes the note if the newest block ends as noted, and looks into none of the
// others: one that lost its end with the power, or got back what was removed from
// it, stays unnoticed, and what reads it finds something else than is announced.
const indexFile = "index.db"

// DropIndexes has the server read all blocks of all streams in a data folder when it
// starts next, instead of believing its notes. It is called before Open where the
// files may not be what was written, as after a power cut; the start then takes as
// long as reading them does. Errors: ErrDataInUse, or what could not be removed.
func DropIndexes(data string) error {
	if _, err := os.Stat(streamsFolder(data)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := LockFolder(data)
	if err != nil {
		return err
	}
	defer lock.Close()
	streams, err := os.ReadDir(streamsFolder(data))
	if err != nil {
		return fmt.Errorf("look for indexes of streams: %w", err)
	}
	for _, stream := range streams {
		err := os.Remove(filepath.Join(streamsFolder(data), stream.Name(), "msgs", indexFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the index of stream %s: %w", stream.Name(), err)
		}
	}
	return nil
}
