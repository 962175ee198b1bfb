package mirror

import (
	"os"
	"testing"
)

// TestMain makes the process's compressors before any test runs in fake time:
// what is made inside of a synctest bubble can't be used outside of it.
func TestMain(m *testing.M) {
	for _, c := range codecs {
		packed := c.compress(nil, make([]byte, 1000))
		if _, err := c.expand(nil, packed, 1000); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
