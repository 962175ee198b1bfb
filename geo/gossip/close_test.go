package gossip

import (
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Close may be called by many and leaves nothing running: our own goroutines are
// gone when it returns, memberlist's as soon as its last probe is over.
func TestCloseLeavesNothingRunning(t *testing.T) {
	a := start(t, config("us-east"))
	b := start(t, seeded("eu-west", a.Addr(), freeAddr(t)))
	c := start(t, seeded("ap-south", b.Addr()))
	awaitLives(t, []*Members{a, b, c}, a, b, c)
	all := []*Members{c, a, b}

	var closing sync.WaitGroup
	for range 3 {
		for _, m := range all {
			closing.Go(func() {
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	closing.Wait()
	if s := goroutinesIn("geomq/geo/gossip.(*Members)", "geomq/geo/gossip.(*transport)"); s != "" {
		t.Errorf("still running after Close:\n%s", s)
	}
	eventually(t, "memberlist to end", func() bool { return goroutinesIn("hashicorp/memberlist") == "" })
	if len(a.Nodes()) != 3 {
		t.Errorf("after Close the last view must stay, it is %s", names(a.Nodes()))
	}
}

// goroutinesIn is the stacks of goroutines within or started by one of the
// functions.
func goroutinesIn(functions ...string) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		for _, f := range functions {
			if strings.Contains(stack, f) {
				found = append(found, stack)
				break
			}
		}
	}
	return strings.Join(found, "\n\n")
}
