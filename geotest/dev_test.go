package geotest

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestASecondStartCarriesOn(t *testing.T) {
	data := t.TempDir()
	d := StartDev(t, data, "--regions", "north,south")
	if len(d.Regions) != 2 || d.Regions[0].Name != "north" || d.Regions[1].Name != "south" {
		t.Fatalf("dev.json has the regions %v", d.Regions)
	}
	if out := d.Process.Output(); !regexp.MustCompile(`up after \d+\.\d s\.`).MatchString(out) {
		t.Errorf("the greeting is\n%s", out)
	}
	if out, code := Run(t, "pub", "orders.created.1", "before", "--admin", d.Regions[0].Admin, "--region", "north"); code != 0 {
		t.Fatalf("pub: %d %s", code, out)
	}
	d.Verify(t, 10*time.Second)

	began := time.Now()
	d.Process.Interrupt()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Ctrl-C took %s", took)
	}
	if code := d.Process.ExitCode(); code != 0 {
		t.Errorf("after Ctrl-C the exit code is %d:\n%s", code, d.Process.Output())
	}

	before := d.Regions[0].NATS
	d.Restart(t)
	if d.Regions[0].NATS != before {
		t.Errorf("the second start listens on %s, the first did on %s", d.Regions[0].NATS, before)
	}
	out, code := Run(t, "sub", "ORDERS", "--from", "beginning", "--count", "1", "--admin", d.Regions[1].Admin, "--region", "south")
	if code != 0 || !strings.Contains(out, "before") || !strings.Contains(out, "north") {
		t.Errorf("sub in south: %d\n%s", code, out)
	}
	d.Verify(t, 10*time.Second)
}

func TestABusyDefaultPortShifts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:4222")
	if err == nil {
		defer l.Close()
	} // else somebody else keeps it busy
	data := t.TempDir()
	d := &Dev{data: data, args: []string{"dev", "--data", data, "--regions", "solo"}}
	d.Restart(t)
	if strings.HasSuffix(d.Regions[0].NATS, ":4222") {
		t.Errorf("listens on the busy port: %s", d.Regions[0].NATS)
	}
	if out := d.Process.Output(); !strings.Contains(out, "4222 is taken") {
		t.Errorf("says nothing about the busy port:\n%s", out)
	}
}

func TestTwoDeploymentsCannotShareAFolder(t *testing.T) {
	data := t.TempDir()
	StartDev(t, data, "--regions", "solo")
	out, code := Run(t, "dev", "--data", data, "--ports", "random", "--regions", "solo")
	if code != 1 || !strings.Contains(out, data) {
		t.Errorf("a second geomq dev in the same folder: exit code %d\n%s", code, out)
	}
}

// TestThreeBrokersPerRegion kills a whole deployment of nine brokers.
func TestThreeBrokersPerRegion(t *testing.T) {
	if testing.Short() {
		t.Skip("nine brokers take their time under the race detector")
	}
	d := StartDev(t, t.TempDir(), "--brokers", "3", "--regions", "north,south")
	publish := func() {
		if out, code := Run(t, "pub", "orders.created.1", "x", "--count", "500", "--admin", d.Regions[0].Admin, "--region", "north"); code != 0 {
			t.Fatalf("pub: %d %s", code, out)
		}
	}
	publish()
	d.Process.Kill()
	d.Restart(t)
	publish()
	d.Verify(t, 60*time.Second)
	out, code := Run(t, "log", "ls", "--json", "--admin", d.Regions[0].Admin)
	if code != 0 || !strings.Contains(out, `"last":1000`) && !strings.Contains(out, `"last": 1000`) {
		t.Errorf("log ls: %d\n%s", code, out)
	}
}
