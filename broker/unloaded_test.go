package broker

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"geomq/geo"
)

// lostPower is a broker's folder in which a log of 100 entries with a table of two
// epochs lies, after a power cut that has done something to the log's files.
func lostPower(t *testing.T, done func(folder string) error) Config {
	t.Helper()
	cfg := testConfig(t, "eu-west")
	b := openBroker(t, cfg)
	l := openReplica(t, b, 1)
	appendAll(t, l, AppendConfig{}, made(1, 100))
	if err := l.SetEpochs(deadline(t), twoEpochs); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := done(filepath.Join(streamsFolder(cfg.Data), l.ID().Stream())); err != nil {
		t.Fatal(err)
	}
	return cfg
}

var twoEpochs = append(geo.FirstEpochs(), geo.Epoch{Number: 2, PrevEnd: 100, First: 201})

func cutOff(file string) func(string) error {
	return func(folder string) error {
		path := filepath.Join(folder, file)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	}
}

// TestATornChecksumIsMended: without it the server would pass over the stream, and
// whoever makes it anew would not know its epochs.
func TestATornChecksumIsMended(t *testing.T) {
	for name, done := range map[string]func(string) error{
		"half of it": cutOff("meta.sum"),
		"none of it": func(folder string) error { return os.Remove(filepath.Join(folder, "meta.sum")) },
		"another one": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "meta.sum"), []byte("0123"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := lostPower(t, done)
			stream := orders.Stream()
			mended, unloaded, err := MendStreams(cfg.Data)
			if err != nil || !slices.Equal(mended, []string{stream}) || len(unloaded) > 0 {
				t.Fatalf("mended %v, not %v, %v", mended, unloaded, err)
			}
			b := openBroker(t, cfg)
			l, err := b.Lookup(deadline(t), orders)
			if err != nil {
				t.Fatal(err)
			}
			if e := extentOf(t, l); e.Last != 100 || e.Epochs.String() != twoEpochs.String() {
				t.Errorf("%+v", e)
			}
			sameEntries(t, readTo(t, l, 1, 100), made(1, 100))
			if _, _, err := MendStreams(cfg.Data); !errors.Is(err, ErrDataInUse) {
				t.Errorf("in a folder that a broker uses: %v", err)
			}
		})
	}
}

// TestATornConfigurationComesBackFromItsCopy: the power went while the server wrote
// over it.
func TestATornConfigurationComesBackFromItsCopy(t *testing.T) {
	for name, done := range map[string]func(string) error{
		"half of it": cutOff("meta.inf"),
		"none of it": func(folder string) error {
			return errors.Join(os.Truncate(filepath.Join(folder, "meta.inf"), 0), os.Truncate(filepath.Join(folder, "meta.sum"), 0))
		},
		"no file": func(folder string) error { return os.Remove(filepath.Join(folder, "meta.inf")) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := lostPower(t, done)
			mended, unloaded, err := MendStreams(cfg.Data)
			if err != nil || !slices.Equal(mended, []string{orders.Stream()}) || len(unloaded) > 0 {
				t.Fatalf("mended %v, not %v, %v", mended, unloaded, err)
			}
			l, err := openBroker(t, cfg).Lookup(deadline(t), orders)
			if err != nil {
				t.Fatal(err)
			}
			if e := extentOf(t, l); e.Last != 100 || e.Epochs.String() != twoEpochs.String() {
				t.Errorf("%+v", e)
			}
			sameEntries(t, readTo(t, l, 1, 100), made(1, 100))
		})
	}
}

// TestATornConfigurationIsNotMadeAnew: what it said is gone, so the stream is named
// and left as it is.
func TestATornConfigurationIsNotMadeAnew(t *testing.T) {
	cfg := lostPower(t, cutOff("meta.inf"))
	if err := os.RemoveAll(copies(cfg.Data)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(streamsFolder(cfg.Data), orders.Stream(), "meta.inf"))
	if err != nil {
		t.Fatal(err)
	}
	mended, unloaded, err := MendStreams(cfg.Data)
	if err != nil || len(mended) > 0 || len(unloaded) != 1 || unloaded[0].Stream != orders.Stream() || unloaded[0].Reason == "" || !unloaded[0].Present() {
		t.Fatalf("mended %v, not %+v, %v", mended, unloaded, err)
	}
	if after, err := os.ReadFile(unloaded[0].File); err != nil || string(after) != string(before) {
		t.Errorf("the file is another now, %v", err)
	}
	if err := os.RemoveAll(unloaded[0].Folder); err != nil {
		t.Fatal(err)
	}
	if unloaded[0].Present() {
		t.Error("it is there though its folder is gone")
	}
}

// TestAStreamThatWasBeingMadeIsNothingLost, nor is one that was being removed.
func TestAStreamThatWasBeingMadeIsNothingLost(t *testing.T) {
	data := t.TempDir()
	for stream, files := range map[string]map[string]string{
		"EMPTY@us-east":   {"meta.inf": ""},
		"TORN@us-east":    {"meta.inf": `{"name":"TO`, "msgs/1.blk": ""},
		"REMOVED@us-east": {"msgs/1.blk": "data"},
		"NOTED@us-east":   {"meta.inf": "", "msgs/1.blk": "data"},
		".GOING@us-east":  {"meta.inf": "", "msgs/1.blk": "data"},
	} {
		for file, body := range files {
			path := filepath.Join(streamsFolder(data), stream, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(body), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	noted := filepath.Join(data, "removing", "NOTED@us-east")
	if err := errors.Join(os.MkdirAll(filepath.Dir(noted), 0o700), os.WriteFile(noted, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if mended, unloaded, err := MendStreams(data); err != nil || len(mended)+len(unloaded) > 0 {
		t.Errorf("mended %v, not %+v, %v", mended, unloaded, err)
	}
	if _, _, err := MendStreams(filepath.Join(data, "new")); err != nil {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

func FuzzMeta(f *testing.F) {
	f.Add([]byte(`{"name":"ORDERS@us-east","created":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"name":"ORDERS@us`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, meta []byte) {
		if unreadable("ORDERS@us-east", meta) == "" && len(meta) < 20 {
			t.Errorf("%q is a configuration", meta)
		}
	})
}
