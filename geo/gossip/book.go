package gossip

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"geomq/geo"
)

const (
	keptPeers   = 128
	maxBook     = 1 << 20
	bookVersion = 1
)

// peer is a node's last known gossip address.
type peer struct {
	Region geo.Region `json:"region"`
	Name   string     `json:"name"`
	Addr   string     `json:"addr"` // ip:port
}

// book remembers one address per node, the latest news first. No age is kept:
// after a month of calm and a power cut the old addresses are all there is.
type book struct {
	Version int    `json:"version"`
	Peers   []peer `json:"peers"`
}

// remember notes where a node is and tells whether that is news.
func (b *book) remember(n Node, addr netip.AddrPort) bool {
	p := peer{Region: n.Region, Name: n.Name, Addr: addr.String()}
	if slices.Contains(b.Peers, p) {
		return false
	}
	b.Peers = slices.DeleteFunc(b.Peers, func(old peer) bool { return old.Region == p.Region && old.Name == p.Name })
	b.Peers = slices.Insert(b.Peers, 0, p)
	b.Peers = b.Peers[:min(len(b.Peers), keptPeers)]
	return true
}

// decodeBook reads a peers file. Peers that make no sense are left out.
func decodeBook(text []byte) (book, error) {
	var b book
	if err := json.Unmarshal(text, &b); err != nil {
		return book{}, err
	}
	if b.Version != bookVersion {
		return book{}, fmt.Errorf("it is of version %d, not %d", b.Version, bookVersion)
	}
	b.Peers = slices.DeleteFunc(b.Peers, func(p peer) bool {
		_, regionErr := geo.ParseRegion(string(p.Region))
		_, addrOK := plainAddr(p.Addr)
		return regionErr != nil || checkWord(p.Name) != nil || !addrOK
	})
	b.Peers = b.Peers[:min(len(b.Peers), keptPeers)]
	return b, nil
}

// readBook reads the peers file at path; one that doesn't exist is an empty book.
func readBook(path string) (book, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return book{Version: bookVersion}, nil
	}
	if err != nil {
		return book{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxBook))
	if err != nil {
		return book{}, err
	}
	return decodeBook(text)
}

// write replaces the peers file: at every moment, also of a power cut, there is
// the old one or the new one.
func (b book) write(path string) (err error) {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(append(text, '\n'))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename in the folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
