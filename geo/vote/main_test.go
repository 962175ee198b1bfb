package vote

import (
	"flag"
	"os"
	"testing"
)

// TestMain keeps the simulation short unless the command line says otherwise, e.g.
// -rapid.checks 3000. A failure prints the seed that repeats it.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "50", "rapid.shrinktime": "5s", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
