package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Somebody writes a first configuration and gets nearly everything wrong. One run
// must tell all of it, in the order of the file.
const everythingWrong = `region: US
data: /var/lib/geomq
regions: [us-east, us-east]
listen:
  nats: 0.0.0.0:4222
  admin: 127.0.0.1:99999
link:
  heartbeat: 5
  compresion: zstd
logs:
- name: ORDERS
  topics: [orders.>, 17]
  flush: sometimes
- name: orders
  topics: [orders.created]
  regions: *everywhere
`

func TestAllProblemsComeAtOnce(t *testing.T) {
	// An alias without its anchor is no YAML; with it, it is one problem of many.
	file := strings.Replace(everythingWrong, "regions: [", "regions: &everywhere [", 1)
	_, err := Parse([]byte(file))
	var found Problems
	if !errors.As(err, &found) {
		t.Fatalf("want Problems, got %v", err)
	}
	var got []string
	for _, p := range found {
		got = append(got, p.Path)
	}
	want := "gossip.key advertise.nats region regions regions[1] listen.nats listen.admin link.heartbeat link.compresion " +
		"logs[0].topics[1] logs[0].flush logs[1].name logs[1].topics[0] logs[1].regions"
	if set(got) != set(strings.Fields(want)) {
		t.Errorf("want the paths\n%s\ngot\n%s\n\n%v", want, strings.Join(got, " "), found)
	}
	for i := 1; i < len(found); i++ {
		if found[i].Line < found[i-1].Line {
			t.Errorf("%v stands behind %v", found[i], found[i-1])
		}
	}
}

func set(paths []string) string {
	all := map[string]bool{}
	for _, p := range paths {
		all[p] = true
	}
	return strings.Join(sortedKeys(all), " ")
}

func TestProblemsNameFieldAndLine(t *testing.T) {
	ps := Problems{
		{Path: "listen.nats", Line: 7, Text: "is wrong"},
		{Path: "region", Text: "is required"},
		{Line: 3, Text: "is no YAML"},
		{Text: "is too large"},
	}
	want := "listen.nats (line 7): is wrong\nregion: is required\nline 3: is no YAML\nis too large"
	if got := ps.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := (Problems{}).Err(); err != nil {
		t.Errorf("no problem became the error %v", err)
	}
}

// write puts files into a new folder and returns the path of the configuration.
func write(t *testing.T, config string, keyFile string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"node.yaml": config, "gossip.key": keyFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "node.yaml")
}

func TestKeyFileCountsFromTheConfigurationsFolder(t *testing.T) {
	path := write(t, good+"gossip: {key_file: gossip.key}\n", "# our key\n\n  MDEyMzQ1Njc4OWFiY2RlZg==  \n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := c.Gossip.Key.Bytes(); string(raw) != "0123456789abcdef" || err != nil {
		t.Errorf("got the key %q, %v", raw, err)
	}
	if ps := c.Validate(); len(ps) > 0 || c.Gossip.KeyFile != "" {
		t.Errorf("the loaded configuration does not stand by itself: %v %+v", ps, c.Gossip)
	}
}

func TestKeyFileProblemsComeWithTheOthers(t *testing.T) {
	for keyFile, words := range map[string]string{
		"":                          "the file holds none",
		"# only a comment":          "the file holds none",
		"MDEy\nMDEyMzQ1Njc4OWFi":    "more than one line",
		"MDEy":                      "has 3 bytes",
		"my secret pass phrase":     "no base64",
		strings.Repeat("#\n", 4096): "larger than 4KiB",
	} {
		_, err := Load(write(t, good+"nod: x\ngossip: {key_file: gossip.key}\n", keyFile))
		var found Problems
		if !errors.As(err, &found) || len(found) != 2 {
			t.Errorf("want two problems, got %v", err)
			continue
		}
		if p := found[1]; p.Path != "gossip.key_file" || p.Line != 4 || !strings.Contains(p.Text, words) {
			t.Errorf("want gossip.key_file in line 4 with %q, got %v", words, p)
		}
		if strings.Contains(err.Error(), "pass phrase") {
			t.Errorf("the message tells the key: %v", err)
		}
	}
}

func TestLoadNamesFilesItCannotRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := Load(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file gave %v", err)
	}
	_, err := Load(write(t, good+"gossip: {key_file: none.key}\n", ""))
	if err == nil || !strings.Contains(err.Error(), "gossip.key_file (line 3): can't be read") {
		t.Errorf("a missing key file gave %v", err)
	}
}

func TestLoadStopsReadingAHugeFile(t *testing.T) {
	_, err := Load(write(t, strings.Repeat("#", 3*maxFile), ""))
	if err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("a file of 3 MiB gave %v", err)
	}
}
