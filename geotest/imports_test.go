package geotest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which packages of this module a package may import, itself and
// what lies below it apart. A package that isn't listed here fails the test: it
// has to find its place first.
var allowed = map[string][]string{
	"geo":     {},
	"dedupe":  {"geo"},
	"mirror":  {"geo", "dedupe"},
	"broker":  {"geo"},
	"configs": {"geo"},
	"client":  {"geo"},
	"admin":   {"geo", "mirror"},
	"node":    {"geo", "dedupe", "mirror", "broker", "configs", "admin"},
	"bench":   {"geo", "broker", "configs", "client", "node"},
	"cmd":     {"geo", "mirror", "configs", "admin", "client", "node", "bench"},
	"geotest": {"geo", "admin", "client", "bench", "configs"},
}

// foreign names libraries that only one package may know.
var foreign = map[string][]string{
	"github.com/nats-io/nats-server":   {"broker"},
	"github.com/nats-io/nats.go":       {"broker", "client", "node", "geotest", "bench"},
	"github.com/hashicorp/memberlist":  {"geo"},
	"go.yaml.in/yaml":                  {"configs"},
	"github.com/spf13/cobra":           {"cmd"},
	"github.com/klauspost/compress":    {"mirror", "client", "geotest"},
	"github.com/prometheus/client":     {"admin"},
	"github.com/nats-io/nats.go/micro": {},
}

func TestDependenciesPointInward(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "geomq/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := top(fields[0])
		may, known := allowed[from]
		if !known {
			t.Errorf("%s has no place among the packages", fields[0])
		}
		for _, to := range fields[1:] {
			if strings.HasPrefix(to, "geomq/") && top(to) != from && !slices.Contains(may, top(to)) {
				t.Errorf("%s imports %s", fields[0], to)
			}
			for library, users := range foreign {
				if strings.HasPrefix(to, library) && !slices.Contains(users, from) {
					t.Errorf("%s imports %s, which only %v may", fields[0], to, users)
				}
			}
		}
	}
}

func top(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "geomq/"), "/")
	return first
}
