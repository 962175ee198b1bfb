package geotest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A folder is written to second by second; then the power fails.
func TestAPowerCutTakesBackWhatNobodyFsynced(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	blocks := filepath.Join(data, "jetstream", "APP", "streams", "ORDERS@us-east", "msgs")
	flushed := filepath.Join(data, "jetstream", "APP", "streams", "GEOMQ-LEDGER", "msgs")
	put := func(folder, name, text string) {
		t.Helper()
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			t.Fatal(err)
		}
	}
	extend := func(folder, name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	put(blocks, "1.blk", "aaaa")
	put(blocks, "index.db", "old")
	put(blocks, "gone", "was here")
	put(flushed, "1.blk", "x")
	put(data, "mark", "1")
	began := time.Now()
	r := newRecorder(data)
	inode := func(path string) uint64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return inodeOf(info)
	}
	index := inode(filepath.Join(blocks, "index.db"))
	r.look(time.Time{})
	extend(blocks, "1.blk", "bbbb")
	r.look(began.Add(20 * time.Second))
	extend(blocks, "1.blk", "cccc") // after the moment
	extend(flushed, "1.blk", "y")
	put(blocks, "index.db", "newer")
	put(blocks, "2.blk", "dddd")
	put(filepath.Join(filepath.Dir(filepath.Dir(blocks)), "ORDERS@eu-west", "msgs"), "1.blk", "")
	put(data, "mark", "2")
	if err := os.Remove(filepath.Join(blocks, "gone")); err != nil {
		t.Fatal(err)
	}
	r.look(began.Add(30 * time.Second))
	r.forget(began.Add(10 * time.Second))
	if r.err != nil {
		t.Fatal(r.err)
	}
	s := &site{}
	took, err := r.rollBack(rand.New(rand.NewPCG(1, 1)), began.Add(29*time.Second), s.durable)
	if err != nil {
		t.Fatal(err)
	}
	if want := (taken{files: 5, bytes: 4}); took != want {
		t.Errorf("it says that it took %+v, not %+v", took, want)
	}

	for name, want := range map[string]string{
		filepath.Join(blocks, "1.blk"):    "aaaabbbb",
		filepath.Join(blocks, "index.db"): "old",
		filepath.Join(blocks, "gone"):     "was here",
		filepath.Join(flushed, "1.blk"):   "xy",
		filepath.Join(data, "mark"):       "2",
	} {
		got, err := os.ReadFile(name)
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", strings.TrimPrefix(name, data), got, err, want)
		}
	}
	for _, path := range []string{filepath.Join(blocks, "2.blk"), filepath.Join(filepath.Dir(filepath.Dir(blocks)), "ORDERS@eu-west")} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", strings.TrimPrefix(path, data), err)
		}
	}
	if inode(filepath.Join(blocks, "index.db")) != index {
		t.Errorf("what was put back is another file than the one that was there")
	}
}

// Half of the files are older than their names. A new one may be empty then; one
// that took another's place has what it was begun with.
func TestWhatWasWrittenBeforeAMoment(t *testing.T) {
	second := func(n int) time.Time { return time.Unix(int64(n), 0) }
	grown := []version{{inode: 7, size: 4}, {at: second(10), inode: 7, size: 8}, {at: second(20), inode: 7, size: 12}}
	fresh := []version{{at: second(10), inode: 7, size: 8}, {at: second(20), inode: 7, size: 12}}
	replaced := []version{{inode: 6, size: 4}, {at: second(10), inode: 7, size: 8}, {at: second(20), inode: 7, size: 12}}
	for _, c := range []struct {
		name     string
		versions []version
		contents int
		want     int64
	}{
		{"grown, lately", grown, 20, 12},
		{"grown, before", grown, 19, 8},
		{"grown, long before", grown, 1, 4},
		{"new, since", fresh, 15, 8},
		{"new, not yet", fresh, 9, 0},
		{"put in another's place, not yet", replaced, 9, 8},
	} {
		if got := written(c.versions, standing(c.versions, second(25)), second(c.contents)); got != c.want {
			t.Errorf("%s: %d bytes are left, not %d", c.name, got, c.want)
		}
	}
}

// What was fsynced is not taken, nor are names that were there by then.
func TestAPowerCutLeavesWhatWasFsynced(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	msgs := filepath.Join(data, "jetstream", "APP", "streams", "ORDERS@us-east", "msgs")
	if err := os.MkdirAll(msgs, 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRecorder(data)
	if r.tells = tellsDirty(r.shadow); !r.tells {
		t.Skip("this system does not tell what is on disk")
	}
	grow := func(name string, sync bool) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(msgs, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("aaaa"); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	r.look(time.Time{})
	grow("1.blk", true)
	grow("2.blk", false)
	r.look(began.Add(10 * time.Second))
	grow("1.blk", true)
	grow("2.blk", false)
	grow("3.blk", false)
	r.look(began.Add(20 * time.Second))
	grow("1.blk", false)
	grow("2.blk", false)
	grow("4.blk", false)
	r.look(began.Add(30 * time.Second))
	if _, err := r.rollBack(rand.New(rand.NewPCG(2, 1)), began.Add(15*time.Second), (&site{}).durable); err != nil {
		t.Fatal(err)
	}
	for name, sizes := range map[string][]int64{"1.blk": {8}, "2.blk": {4, 8}, "3.blk": {0, 4}, "4.blk": nil} {
		info, err := os.Stat(filepath.Join(msgs, name))
		switch {
		case sizes == nil && !os.IsNotExist(err):
			t.Errorf("%s is still there: %v", name, err)
		case sizes != nil && (err != nil || !slices.Contains(sizes, info.Size())):
			t.Errorf("%s has another size than one of %v: %v", name, sizes, err)
		}
	}
}

func TestRebootKeepsChecksumsRight(t *testing.T) {
	for _, c := range [][2]string{
		{"ae808324\nboot one", "d6cc826e\nboot two"},
		{"07d554f4\nboot one", "07d554f4\nboot two"},
		{"boot one", "boot two"},
	} {
		changed := strings.ReplaceAll(c[0], "one", "two")
		if got := string(resealed([]byte(c[0]), []byte(changed))); got != c[1] {
			t.Errorf("%q becomes %q, not %q", c[0], got, c[1])
		}
	}
}
