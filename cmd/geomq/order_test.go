package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"geomq/admin"
	"geomq/geo"
)

// TestOrdersAreUnderstood sends each command to us-east and looks at what the region
// that has to do it was told.
func TestOrdersAreUnderstood(t *testing.T) {
	keep := uint64(0)
	for line, c := range map[string]struct {
		in   geo.Region
		want admin.Order
	}{
		"log purge ORDERS@us-east --before 3 --reason old":          {"us-east", admin.PurgeOrder{Log: "ORDERS@us-east", Before: 3, Reason: "old"}},
		"log purge ORDERS@eu-west --keep 0":                         {"eu-west", admin.PurgeOrder{Log: "ORDERS@eu-west", Keep: &keep}},
		"log purge ORDERS@us-east --subject orders.test.>":          {"us-east", admin.PurgeOrder{Log: "ORDERS@us-east", Subject: "orders.test.>"}},
		"log delete ORDERS@us-east 7,5…6,9-12":                      {"us-east", admin.DeleteOrder{Log: "ORDERS@us-east", Offsets: geo.Ranges{{First: 5, Last: 7}, {First: 9, Last: 12}}}},
		"log repair ORDERS@us-east --region ap-south":               {"ap-south", admin.RepairOrder{Log: "ORDERS@us-east", Region: "ap-south"}},
		"log repair ORDERS@us-east --region us-east --from eu-west": {"us-east", admin.RepairOrder{Log: "ORDERS@us-east", Region: "us-east", From: "eu-west"}},
		"link accept-gap ORDERS@us-east --region eu-west":           {"eu-west", admin.AcceptGapOrder{Log: "ORDERS@us-east", Region: "eu-west"}},
		"link accept-gap ORDERS@us-east --region eu-west --offsets 5-9 --reason expired": {"eu-west",
			admin.AcceptGapOrder{Log: "ORDERS@us-east", Region: "eu-west", Ranges: geo.Ranges{{First: 5, Last: 9}}, Reason: "expired"}},
	} {
		d := newDeployment(t, 5)
		r := runAgainst(t, d, append(strings.Fields(line), "--yes")...)
		want, _ := json.Marshal(c.want)
		for _, region := range threeRegions {
			changed := d.regions[region].changed()
			got, _ := json.Marshal(changed)
			if region == c.in && string(got) != fmt.Sprintf("[%s]", want) || region != c.in && len(changed) > 0 {
				t.Errorf("%s: %s got %s, want %s in %s", line, region, got, want, c.in)
			}
		}
		if r.code != exitOK || r.err != "" {
			t.Errorf("%s: exit code %d, %s", line, r.code, r.err)
		}
		contains(t, r.out, string(c.in), "record the intent", "3 of 3", "3 entries are gone")
	}
}

func TestNothingIsChangedBeforeSomebodySaysYes(t *testing.T) {
	for _, c := range []struct {
		args, answer string
		code, orders int
	}{
		{"", "", exitRefused, 0}, {"", "\n", exitRefused, 0}, {"", "no\n", exitRefused, 0}, {"", "yesterday\n", exitRefused, 0},
		{"", "y", exitOK, 1}, {"", "Yes\n", exitOK, 1}, {"--yes", "no\n", exitOK, 1},
		{"--dry-run", "y\n", exitOK, 0}, {"--dry-run --yes", "", exitOK, 0},
	} {
		d, cli := newDeployment(t, 5), newCLI(nil)
		cli.in = strings.NewReader(c.answer)
		line := "log purge ORDERS@us-east --before 3 --admin " + d.url("eu-west") + " " + c.args
		r := cli.run(t.Context(), strings.Fields(line)...)
		if got := len(d.regions["us-east"].changed()); r.code != c.code || got != c.orders {
			t.Errorf("%q answered by %q: exit code %d, %d orders, want %d, %d\n%s%s", c.args, c.answer, r.code, got, c.code, c.orders, r.out, r.err)
		}
		switch {
		case c.args == "":
			contains(t, r.err, "planned; nothing is changed yet", "3 entries would go", "Do it? [y/N]")
		case strings.HasPrefix(c.args, "--dry-run"):
			contains(t, r.out, "planned; nothing is changed yet", "3 entries would go")
		}
		if c.orders == 0 && strings.Contains(r.out, "are gone") {
			t.Errorf("it says that something was done:\n%s", r.out)
		}
	}
}

// TestAQuestionEndsWithCtrlC: nobody answers, and the one who waits gives up.
func TestAQuestionEndsWithCtrlC(t *testing.T) {
	d, cli := newDeployment(t, 5), newCLI(nil)
	in, typed := io.Pipe()
	t.Cleanup(func() { typed.Close() })
	cli.in = in
	ctx, cancel := withCancel(t)
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, cli.app, []string{"log", "purge", "ORDERS@us-east", "--before", "3", "--admin", d.url("us-east")})
	}()
	cli.errBuffer.await(t, "Do it?")
	cancel()
	if code := <-done; code != exitRefused || len(d.regions["us-east"].changed()) > 0 {
		t.Errorf("exit code %d\n%s", code, cli.errBuffer.String())
	}
}

func TestOutcomesAsJSON(t *testing.T) {
	d := newDeployment(t, 5)
	for _, flag := range []string{"--yes", "--dry-run"} {
		r := runAgainst(t, d, "log", "delete", "ORDERS@us-east", "3", "--json", flag)
		var o admin.Outcome
		if err := json.Unmarshal([]byte(r.out), &o); err != nil || r.code != exitOK {
			t.Fatalf("%v, exit code %d\n%s", err, r.code, r.out)
		}
		if o.Verb != "log delete" || o.Region != "us-east" || o.Node != "us-east-1" || o.DryRun != (flag == "--dry-run") || len(o.Steps) != 2 || o.Entries != 3 {
			t.Errorf("%+v", o)
		}
	}
}

func TestARefusedOrderIsToldFromOneThatFailed(t *testing.T) {
	d := newDeployment(t, 5)
	for err, code := range map[error]int{
		admin.ErrRefused: exitRefused, admin.ErrNotFound: exitRefused, admin.ErrNotReady: exitFailed, admin.ErrBadRequest: exitUsage, errors.New("disk"): exitFailed,
	} {
		d.regions["us-east"].refuse = fmt.Errorf("%w: the log is not open", err)
		r := runAgainst(t, d, "log", "purge", "ORDERS@us-east", "--keep", "3", "--yes")
		if r.code != code || r.out != "" {
			t.Errorf("%v: exit code %d, want %d, stdout %q", err, r.code, code, r.out)
		}
		contains(t, r.err, "the log is not open")
	}
	d.regions["ap-south"].stop()
	r := runAgainst(t, d, "log", "repair", "ORDERS@us-east", "--region", "ap-south", "--yes")
	if r.code != exitRefused {
		t.Errorf("a dead region: exit code %d", r.code)
	}
	contains(t, r.err, "no node of ap-south takes the order", "geomq region ls")
	r = runAgainst(t, d, "log", "repair", "ORDERS@us-east", "--region", "nowhere", "--dry-run")
	if r.code != exitUsage {
		t.Errorf("a region that does not exist: exit code %d", r.code)
	}
	contains(t, r.err, "no region nowhere", "ap-south, eu-west, us-east")
}

// TestAnOrderThatIsRefusedBehindAStep: what a region plans before it refuses makes no
// difference to scripts.
func TestAnOrderThatIsRefusedBehindAStep(t *testing.T) {
	d := newDeployment(t, 5)
	d.regions["us-east"].refuseLate = fmt.Errorf("%w: the log is not open", admin.ErrRefused)
	for _, flag := range []string{"--yes", "--dry-run"} {
		if r := runAgainst(t, d, "log", "purge", "ORDERS@us-east", "--keep", "3", flag); r.code != exitRefused {
			t.Errorf("%s: exit code %d: %s", flag, r.code, r.err)
		}
	}
}

func TestOffsets(t *testing.T) {
	for text, want := range map[string]string{
		"7": "7", "5-9": "5…9", "5…9": "5…9", "9, 5-7 ,8": "5…9", "1,3,5,7,9": "1, 3, 5 and 2 more",
		"": "", "0": "", "5-": "", "9-5": "", "a": "", "1,000-": "", "-1": "",
	} {
		ranges, err := parseRanges([]string{text})
		if (err != nil) != (want == "") || err == nil && rangesText(ranges) != want {
			t.Errorf("%q: %s, %v", text, rangesText(ranges), err)
		}
	}
}
