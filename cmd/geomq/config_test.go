package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "geomq.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const validConfig = `
region: us-east
regions: [us-east, eu-west]
data: /var/lib/geomq
logs:
  - name: ORDERS
    topics: [orders.>]
`

func TestConfigCheckOfAValidFile(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "config", "check", writeConfig(t, validConfig))
	if r.code != exitOK || r.err != "" {
		t.Fatalf("exit code %d, stderr %q", r.code, r.err)
	}
	contains(t, r.out, "ok: ", "node us-east-1 of region us-east, 1 of 2 regions", "log ORDERS: orders.> in us-east, eu-west")
}

func TestConfigCheckReportsEveryProblem(t *testing.T) {
	file := writeConfig(t, "region: US\nlisten: {nats: 8.8.8.8:4222}\nlogs:\n  - {name: A, topics: [a.>], colour: red}\n")
	r := newCLI(nil).run(t.Context(), "config", "check", file)
	if r.code != exitFailed || r.out != "" {
		t.Errorf("exit code %d, stdout %q", r.code, r.out)
	}
	contains(t, r.err, "problems\n", "\n  region (line 1)", "\n  listen.nats (line 2)", "logs[0].colour (line 4)", "data")

	r = newCLI(nil).run(t.Context(), "config", "check", file, "--json")
	var document struct {
		OK       bool
		Problems []struct{ Path, Text string }
	}
	if err := json.Unmarshal([]byte(r.out), &document); err != nil {
		t.Fatal(err)
	}
	if r.code != exitFailed || document.OK || len(document.Problems) < 4 {
		t.Errorf("exit code %d, %s", r.code, r.out)
	}
}

func TestTheExamplesOfTheRepositoryAreValid(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		if r := newCLI(nil).run(t.Context(), "config", "check", file, "--json"); r.code != exitOK {
			t.Errorf("%s: exit code %d\n%s%s", file, r.code, r.out, r.err)
		}
	}
}

func TestConfigReferenceListsEveryField(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "config", "reference")
	contains(t, r.out, "FIELD", "listen.nats", "logs[].retention.max_age", "required")
	if lines := strings.Count(r.out, "\n"); lines < 20 {
		t.Errorf("only %d lines", lines)
	}
}
