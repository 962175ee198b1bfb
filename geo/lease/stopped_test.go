//go:build unix

package lease

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"geomq/geo/lease/clock"
)

// stoppedChild is the environment variable that makes this program the child of
// TestAStoppedProcessSeesThatItsLeaseHasLapsed.
const stoppedChild = "LEASE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(stoppedChild) != "" {
		serveUntilLapsed()
		return
	}
	os.Exit(m.Run())
}

// serveUntilLapsed asks its guard as fast as it can, renewing nothing, and tells
// whether a long time lay between its last yes and the no.
func serveUntilLapsed() {
	c := clock.Boot()
	g := NewGuard(c)
	g.Extend(c.Now() + 200*time.Millisecond)
	last, now := c.Now(), c.Now()
	fmt.Println("serving")
	for ; g.Valid(); now = c.Now() {
		last = now
	}
	fmt.Println(c.Now()-last > 250*time.Millisecond)
}

// TestAStoppedProcessSeesThatItsLeaseHasLapsed: what a process that was stopped
// for longer than its lease finds first is that it is no longer valid, without
// any other part of it having run.
func TestAStoppedProcessSeesThatItsLeaseHasLapsed(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), stoppedChild+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || strings.TrimSpace(line) != "serving" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	<-time.NewTimer(600 * time.Millisecond).C
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if line, err := lines.ReadString('\n'); err != nil || strings.TrimSpace(line) != "true" {
		t.Errorf("it went on serving when it woke: %q, %v", line, err)
	}
}
