package node_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests run at once than there are processors: they wait most of
// the time, unless all that they do is watched for races.
func TestMain(m *testing.M) {
	flag.Parse()
	if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue && !raced {
		_ = flag.Set("test.parallel", "4") // a flag of package testing takes any number
	}
	os.Exit(m.Run())
}
