package marks

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds what is read of a file: marks of 10,000 logs fit.
const maxFile = 4 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal puts a checksum in front of body.
func seal(body []byte) []byte {
	return append(fmt.Appendf(nil, "%08x\n", crc32.Checksum(body, castagnoli)), body...)
}

// unseal returns the body that seal was given, or errDamaged.
func unseal(data []byte) ([]byte, error) {
	const prefix = 9
	if len(data) < prefix {
		return nil, errDamaged
	}
	body := data[prefix:]
	if !bytes.Equal(data[:prefix], seal(body)[:prefix]) {
		return nil, errDamaged
	}
	return body, nil
}

// read returns a sealed file's body. Where there is none, it returns
// fs.ErrNotExist.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, err
	}
	return unseal(data)
}

// replace puts a sealed file in path's place, or leaves what is there.
func replace(path string, body []byte) (err error) {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	_, err = file.Write(seal(body))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFile(filepath.Dir(path))
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// FsyncTree writes everything below folder to disk: files first, then the folders
// that name them. What vanishes meanwhile is passed over. An error says which
// file could not be written; the folder must not be marked clean then.
func FsyncTree(folder string) error {
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return fmt.Errorf("sync %s: %w", folder, err)
	}
	var folders []string
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			folders = append(folders, path)
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		return passOver(syncFile(path))
	})
	for i := len(folders) - 1; i >= 0 && err == nil; i-- {
		err = passOver(syncFile(folders[i]))
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", folder, err)
	}
	return nil
}

func passOver(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
