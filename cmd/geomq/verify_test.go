package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestVerifyOfEqualHolders(t *testing.T) {
	d := newDeployment(t, 2_500)
	for _, args := range [][]string{{"verify"}, {"verify", "ORDERS"}, {"verify", "ORDERS@us-east"}} {
		r := runAgainst(t, d, args...)
		if r.code != exitOK || r.err != "" {
			t.Fatalf("%v: exit code %d, stderr %q", args, r.code, r.err)
		}
		contains(t, r.out, "ORDERS@us-east  equal up to offset 2,500 in 3 regions (2,500 entries, 0 seals)")
	}
}

// One byte of one body differs in one region: verify must find that offset and
// show both sides of it.
func TestVerifyFindsTheOffsetThatDiffers(t *testing.T) {
	d := newDeployment(t, 2_500)
	broken := order(1_777)
	broken.Body = []byte(strings.Replace(string(broken.Body), `"12.50"`, `"92.50"`, 1))
	d.regions["ap-south"].entries[1_777] = broken

	r := runAgainst(t, d, "verify", "ORDERS")
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	golden(t, "verify-different", r.out)

	var document verification
	r = runAgainst(t, d, "verify", "--json")
	if err := json.Unmarshal([]byte(r.out), &document); err != nil {
		t.Fatalf("%v in %s", err, r.out)
	}
	if r.code != exitFailed || document.Clean || len(document.Logs) != 1 {
		t.Fatalf("exit code %d, document %s", r.code, r.out)
	}
	log := document.Logs[0]
	if log.Differences[0].First != 1_777 || len(log.Sides) != 2 {
		t.Errorf("first difference %+v, %d sides", log.Differences[0], len(log.Sides))
	}
	if side := log.Sides[1]; string(side.Entry.Body) != string(broken.Body) || side.Regions[0] != "ap-south" {
		t.Errorf("the side that differs is %+v", side)
	}
}

func TestVerifyShowsAMissingEntry(t *testing.T) {
	d := newDeployment(t, 30)
	delete(d.regions["eu-west"].entries, 7)
	r := runAgainst(t, d, "verify")
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.out, "DIFFERENT from offset 7 on", "no entry")
}

// A region that should hold the log and can't be asked must not be left out of
// the comparison in silence.
func TestVerifyIsIncompleteWhileARegionIsSilent(t *testing.T) {
	d := newDeployment(t, 30)
	d.regions["ap-south"].stop()
	r := runAgainst(t, d, "verify")
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.out, "INCOMPLETE: equal up to offset 30 in the regions that answered", "ap-south could not be read")
}

func TestVerifyToleratesAReplicaThatIsBehind(t *testing.T) {
	d := newDeployment(t, 30)
	d.regions["eu-west"].last = 28
	r := runAgainst(t, d, "verify")
	if r.code != exitOK {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.out, "equal up to offset 28 in 3 regions", "eu-west is 2 offsets behind")
}

func TestExcerptsBeginWhereSidesPart(t *testing.T) {
	long := strings.Repeat("0123456789", 20)
	for _, c := range []struct {
		data string
		at   int
		want string
	}{
		{"short", 3, "short"},
		{long, 0, long[:48] + "…"},
		{long, 100, "…" + long[88:135] + "…"},
		{"NATS/1.0\r\nA: 1\r\n\r\n", 0, "NATS/1.0 | A: 1"},
		{"\xff\xfe", 0, `not text: "\xff\xfe"`},
	} {
		if got := excerpt([]byte(c.data), c.at); got != c.want {
			t.Errorf("excerpt(%.20q…, %d) = %q, want %q", c.data, c.at, got, c.want)
		}
	}
	if got := excerpt(nil, 0); got != "–" {
		t.Errorf("no header is shown as %q", got)
	}
}
