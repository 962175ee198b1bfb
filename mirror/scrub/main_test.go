package scrub

import (
	"os"
	"testing"
)

// TestMain makes the process's compressors before any test runs in fake time:
// what is made inside of a synctest bubble can't be used outside of it.
func TestMain(m *testing.M) {
	p := Patch{Entries: list(100, 100)}
	if _, err := ParsePatch(p.Parts(1000)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
