package marks

import (
	"crypto/rand"
	"os"
)

// identity is what tells a folder from a copy of it.
type identity struct {
	// ID is what stands in the file.
	ID     string `json:"id"`
	Inode  uint64 `json:"inode"`
	Device uint64 `json:"device"`
	// Modified is the file's time of modification in nanoseconds since 1970. It
	// is not written again, so only copying changes it.
	Modified int64 `json:"modified"`
}

// copied tells whether now is not the file that i was taken of. Devices may be
// numbered anew when the host starts.
func (i identity) copied(now identity, sameBoot bool) bool {
	return i.ID != now.ID || i.Inode != now.Inode || i.Modified != now.Modified || sameBoot && i.Device != now.Device
}

// identify returns the identity of the file at path, which it creates where it is
// missing or damaged.
func identify(path string) (identity, error) {
	body, err := read(path)
	if err != nil {
		body = []byte(rand.Text())
		if err := replace(path, body); err != nil {
			return identity{}, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	i := identity{ID: string(body), Modified: info.ModTime().UnixNano()}
	i.Inode, i.Device = place(info)
	return i, nil
}
