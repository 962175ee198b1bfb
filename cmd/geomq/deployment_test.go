package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"geomq/geo"
	"geomq/node/dev"
)

// writeDevFile leaves what a `geomq dev` would have left in a folder.
func writeDevFile(t *testing.T, regions ...dev.RegionAddresses) string {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(dev.Addresses{Regions: regions})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dev.AddressesFile(dir), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func answeredBy(t *testing.T, c *cli, args ...string) string {
	t.Helper()
	r := c.run(t.Context(), append([]string{"status", "--json"}, args...)...)
	var st struct{ Region string }
	if err := json.Unmarshal([]byte(r.out), &st); err != nil {
		t.Fatalf("%v\nstdout %s\nstderr %s", err, r.out, r.err)
	}
	return st.Region
}

func TestWhereADeploymentIsLookedFor(t *testing.T) {
	d := newDeployment(t, 1)
	running := writeDevFile(t, dev.RegionAddresses{Name: "ap-south", Admin: d.url("ap-south")})

	c := newCLI(map[string]string{adminEnv: d.url("eu-west")})
	c.devData = func() (string, error) { return running, nil }
	if got := answeredBy(t, c, "--admin", d.url("us-east")); got != "us-east" {
		t.Errorf("--admin was given, %s answered", got)
	}
	if got := answeredBy(t, c, "--dev", running); got != "ap-south" {
		t.Errorf("--dev was given, %s answered", got)
	}
	if got := answeredBy(t, c); got != "eu-west" {
		t.Errorf("%s was set, %s answered", adminEnv, got)
	}
	c.lookup = func(string) (string, bool) { return "", false }
	if got := answeredBy(t, c); got != "ap-south" {
		t.Errorf("only a running geomq dev was there, %s answered", got)
	}
}

func TestOfSeveralNodesTheFirstThatAnswersIsAsked(t *testing.T) {
	d := newDeployment(t, 1)
	dead := "http://127.0.0.1:1"
	if got := answeredBy(t, newCLI(nil), "--admin", dead+","+d.url("eu-west")); got != "eu-west" {
		t.Errorf("%s answered", got)
	}
}

// The deployment of a dev.json is gone, and another one has taken its port: its
// answers must not pass for the old one's.
func TestAForeignNodeOnAnOldPortIsPassedOver(t *testing.T) {
	d := newDeployment(t, 1)
	stale := writeDevFile(t,
		dev.RegionAddresses{Name: "tokyo", Admin: d.url("us-east")},
		dev.RegionAddresses{Name: "paris", Admin: d.url("eu-west")})
	r := newCLI(nil).run(t.Context(), "status", "--dev", stale)
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.err, "no geomq node answers at", "geomq dev")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	d := newDeployment(t, 1)
	for _, c := range []struct {
		args  []string
		parts []string
	}{
		{[]string{"status", "--admin", "http://127.0.0.1:1"}, []string{"nothing answers at http://127.0.0.1:1", "geomq dev"}},
		{[]string{"status", "--dev", t.TempDir()}, []string{"no running geomq dev is known in", "start it with"}},
		{[]string{"pub", "orders.a", "x", "--region", "mars", "--admin", d.url("us-east")}, []string{`"mars"`, "ap-south, eu-west, us-east"}},
		{[]string{"pub", "orders.a", "x", "--nats", "nats://127.0.0.1:1"}, []string{"no broker answers at nats://127.0.0.1:1", "geomq region ls"}},
		{[]string{"import", "/does/not/exist", "--topic", "orders.a"}, []string{"/does/not/exist", "check the path"}},
		{[]string{"verify", "BILLS", "--admin", d.url("us-east")}, []string{`"BILLS"`, "ORDERS, ORDERS@us-east"}},
	} {
		r := newCLI(nil).run(t.Context(), c.args...)
		if r.code != exitFailed || r.out != "" {
			t.Errorf("%v: exit code %d, stdout %q", c.args, r.code, r.out)
		}
		contains(t, r.err, c.parts...)
		for _, bad := range []string{"dial tcp", "goroutine", "Usage:"} {
			if strings.Contains(r.err, bad) {
				t.Errorf("%v: a person is shown %q:\n%s", c.args, bad, r.err)
			}
		}
	}
}

func TestRegionPicksItsBrokers(t *testing.T) {
	d := newDeployment(t, 1)
	for region, want := range map[string]string{"": "us-east", "ap-south": "ap-south"} {
		p := place{where: where{admin: d.url("us-east")}, region: region}
		got, err := p.resolve(t.Context(), newCLI(nil).app)
		if err != nil {
			t.Fatal(err)
		}
		if got.region != geo.Region(want) || got.url != "nats://"+want+".example:4222" {
			t.Errorf("--region %q: %v", region, got)
		}
	}
}

func TestTheShellCompletesRegionsAndLogs(t *testing.T) {
	d := newDeployment(t, 1)
	c := newCLI(map[string]string{adminEnv: d.url("us-east")})
	for _, line := range []struct {
		args []string
		want string
	}{
		{[]string{"sub", "OR"}, "ORDERS\nORDERS@us-east\n"},
		{[]string{"verify", ""}, "ORDERS\nORDERS@us-east\n"},
		{[]string{"sub", "ORDERS", "--region", "e"}, "eu-west\n"},
		{[]string{"sub", "ORDERS", "--origin", "us"}, "us-east\n"},
		{[]string{"import", "x", "--topic", ""}, "orders.\n"},
		{[]string{"pub", ""}, "orders.\n"},
	} {
		got := c.run(t.Context(), append([]string{"__complete"}, line.args...)...).out
		if got, _, _ = strings.Cut(got, ":4"); got != line.want {
			t.Errorf("geomq %v<TAB> gives %q, want %q", line.args, got, line.want)
		}
	}
}

func TestCompletionKeepsSilentWithoutADeployment(t *testing.T) {
	r := newCLI(map[string]string{adminEnv: "http://127.0.0.1:1"}).run(t.Context(), "__complete", "verify", "")
	if !strings.HasPrefix(r.out, ":4") || r.code != exitOK {
		t.Errorf("exit code %d, stdout %q", r.code, r.out)
	}
}
