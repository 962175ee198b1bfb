package configs

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"geomq/geo"
)

func exampleFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("examples", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".yaml") && path != "examples/gateway.yaml" { // which is no node's
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEveryExampleLoads(t *testing.T) {
	files := exampleFiles(t)
	if len(files) < 4 {
		t.Fatalf("found only %v", files)
	}
	for _, file := range files {
		c, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if ps := c.Validate(); len(ps) > 0 {
			t.Errorf("%s: what Load returned is refused by Validate:\n%v", file, ps)
		}
		if len(c.Logs) == 0 || c.Gossip.KeyFile != "" {
			t.Errorf("%s: loaded without logs, or with its key unread: %+v", file, c)
		}
	}
}

// The three files describe one deployment: what must be alike is alike, and each
// node is told to join one that another file advertises.
func TestThreeRegionsFitTogether(t *testing.T) {
	files, _ := filepath.Glob("examples/three-regions/*.yaml")
	var nodes []*Config
	gossips := map[string]geo.Region{}
	for _, file := range files {
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, c)
		gossips[c.Advertise.Gossip] = c.Region
	}
	if len(gossips) != 3 {
		t.Fatalf("want three regions, got %v", gossips)
	}
	for _, c := range nodes {
		if !slices.Equal(c.Regions, nodes[0].Regions) || c.Gossip.Key != nodes[0].Gossip.Key {
			t.Errorf("%s does not have the regions and key of %s", c.Region, nodes[0].Region)
		}
		for _, member := range c.Gossip.Join {
			if r, ok := gossips[member]; !ok || r == c.Region {
				t.Errorf("%s joins %s, which no other example advertises", c.Region, member)
			}
		}
	}
}

func TestAnExampleKeyIsMarkedAsOne(t *testing.T) {
	data, err := os.ReadFile("examples/three-regions/example.key")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "Replace it") {
		t.Error("example.key does not say that it has to be replaced")
	}
	key, err := keyIn(string(data))
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := key.Bytes(); !strings.Contains(string(raw), "example") {
		t.Errorf("the example key %q does not look like an example", raw)
	}
}
