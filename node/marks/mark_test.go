package marks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const orders, events = "ORDERS@us-east", "EVENTS@us-east"

// start is a node that starts in folder on a host whose start goes by boot.
func start(t *testing.T, folder, boot string) *Mark {
	t.Helper()
	m, err := OpenAs(folder, boot)
	must(t, err)
	must(t, m.MarkRunning())
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantSafe(t *testing.T, m *Mark, stream string, safe bool, words string) {
	t.Helper()
	got, why := m.TailSafe(stream)
	if got != safe || !strings.Contains(why, words) || safe && why != "" {
		t.Errorf("%s: safe %v, %q", stream, got, why)
	}
}

func TestOnlyWhatTakesTheTailPutsItInDoubt(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	m := start(t, folder, "monday")
	if m.Previous() != (Previous{Missing: true}) {
		t.Errorf("%+v", m.Previous())
	}
	wantSafe(t, m, orders, false, "no mark")
	must(t, m.Settle(orders))
	wantSafe(t, m, orders, true, "")

	m = start(t, folder, "monday") // after kill -9
	if m.Previous() != (Previous{SameBoot: true}) {
		t.Errorf("%+v", m.Previous())
	}
	wantSafe(t, m, orders, true, "")
	must(t, m.MarkClean())

	m = start(t, folder, "tuesday") // after an orderly shutdown of the machine
	if m.Previous() != (Previous{Clean: true}) {
		t.Errorf("%+v", m.Previous())
	}
	wantSafe(t, m, orders, true, "")

	m = start(t, folder, "wednesday") // after a power cut
	wantSafe(t, m, orders, false, "power cut")
}

func TestDoubtOutlivesACrashWhileOpening(t *testing.T) {
	folder := t.TempDir()
	m := start(t, folder, "monday")
	must(t, m.Settle(orders))
	must(t, m.Settle(events))
	m = start(t, folder, "tuesday") // power cut
	must(t, m.Settle(events))       // ORDERS waits for its holders, and the process is killed

	m = start(t, folder, "tuesday")
	wantSafe(t, m, events, true, "")
	wantSafe(t, m, orders, false, "power cut")
	must(t, m.MarkClean()) // somebody loses patience and stops it

	m = start(t, folder, "tuesday")
	wantSafe(t, m, orders, false, "power cut")
	must(t, m.Settle(orders))
	wantSafe(t, m, orders, true, "")
	wantSafe(t, m, "NEW@us-east", false, "power cut")

	must(t, m.Doubt(orders, "eu-west is ahead"))
	m = start(t, folder, "tuesday")
	wantSafe(t, m, orders, false, "eu-west is ahead")
	must(t, m.Settle(orders))
	wantSafe(t, start(t, folder, "tuesday"), orders, true, "")
}

func TestWithoutAKnownStartOfTheHostOnlyAnOrderlyEndCounts(t *testing.T) {
	folder := t.TempDir()
	m := start(t, folder, "")
	must(t, m.Settle(orders))
	m = start(t, folder, "")
	wantSafe(t, m, orders, false, "")
	must(t, m.Settle(orders))
	must(t, m.MarkClean())
	wantSafe(t, start(t, folder, ""), orders, true, "")
}

func TestACopyOfAFolderIsNoticed(t *testing.T) {
	folder := t.TempDir()
	m := start(t, folder, "monday")
	must(t, m.Settle(orders))
	must(t, m.MarkClean())
	backup := filepath.Join(t.TempDir(), "backup")
	must(t, os.CopyFS(backup, os.DirFS(folder)))

	m = start(t, backup, "monday")
	if p := m.Previous(); !p.Restored || !p.Clean {
		t.Errorf("%+v", p)
	}
	wantSafe(t, m, orders, false, "copy")
	must(t, m.Settle(orders))
	wantSafe(t, start(t, backup, "monday"), orders, true, "") // it is its own folder now
	wantSafe(t, start(t, folder, "monday"), orders, true, "") // and the original still itself

	now := identity{ID: "a", Inode: 1, Device: 2, Modified: 3}
	for name, was := range map[string]identity{
		"another file":  {ID: "b", Inode: 1, Device: 2, Modified: 3},
		"another inode": {ID: "a", Inode: 9, Device: 2, Modified: 3},
		"another time":  {ID: "a", Inode: 1, Device: 2, Modified: 9},
	} {
		if !was.copied(now, false) {
			t.Errorf("%s passes for the original", name)
		}
	}
	if moved := (identity{ID: "a", Inode: 1, Device: 9, Modified: 3}); !moved.copied(now, true) || moved.copied(now, false) {
		t.Error("devices are numbered anew when a host starts, and only then")
	}
}

func TestADamagedMarkCountsAsMissing(t *testing.T) {
	folder := t.TempDir()
	m := start(t, folder, "monday")
	must(t, m.Settle(orders))
	path := filepath.Join(folder, "running")
	whole, err := os.ReadFile(path)
	must(t, err)
	for n := range whole {
		must(t, os.WriteFile(path, whole[:n], 0o600))
		m, err := OpenAs(folder, "monday")
		must(t, err)
		if !m.Previous().Missing {
			t.Fatalf("cut off after %d bytes: %+v", n, m.Previous())
		}
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	must(t, os.WriteFile(path, flipped, 0o600))
	wantSafe(t, start(t, folder, "monday"), orders, false, "no mark")

	must(t, os.WriteFile(path, whole, 0o600))
	must(t, os.Remove(filepath.Join(folder, "identity")))
	wantSafe(t, start(t, folder, "monday"), orders, false, "copy")
}

// obstruct makes a write of path fail as a full disk does: before anything of it
// is in place.
func obstruct(t *testing.T, path string) (end func()) {
	t.Helper()
	must(t, os.Mkdir(path+".new", 0o700))
	return func() { must(t, os.Remove(path+".new")) }
}

func TestAMarkThatCannotBeWrittenStaysAsItIs(t *testing.T) {
	folder := t.TempDir()
	m := start(t, folder, "monday")
	must(t, m.Settle(orders))
	end := obstruct(t, m.path())
	for _, write := range []func() error{m.MarkRunning, m.MarkClean, func() error { return m.Settle(events) }, func() error { return m.Doubt(orders, "x") }} {
		if err := write(); err == nil || !strings.Contains(err.Error(), folder) {
			t.Errorf("error: %v", err)
		}
	}
	wantSafe(t, m, events, false, "")
	end()
	m, err := OpenAs(folder, "monday")
	must(t, err)
	if m.Previous() != (Previous{SameBoot: true}) {
		t.Errorf("%+v", m.Previous())
	}
	wantSafe(t, m, orders, true, "")
}

func TestThisHostsStartIsTheSameTwice(t *testing.T) {
	folder := t.TempDir()
	m, err := Open(folder)
	must(t, err)
	must(t, m.MarkRunning())
	m, err = Open(folder)
	must(t, err)
	if m.Previous().SameBoot != (boot() != "") {
		t.Errorf("%+v on %q", m.Previous(), boot())
	}
}

func TestFsyncTreeTellsWhatItCouldNotWrite(t *testing.T) {
	folder := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(folder, "a", "b"), 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "a", "b", "1.blk"), []byte("x"), 0o600))
	must(t, os.Symlink("nowhere", filepath.Join(folder, "a", "dangling")))
	must(t, FsyncTree(folder))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(folder, link))
	must(t, FsyncTree(link))
	if err := FsyncTree(filepath.Join(folder, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

func FuzzMark(f *testing.F) {
	f.Add([]byte(`{"boot":"b","settled":{"A@b":true},"doubted":null}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if again, err := unseal(seal(body)); err != nil || string(again) != string(body) {
			t.Fatalf("%q comes back as %q, %v", body, again, err)
		}
		if r, err := decodeRecord(body); err == nil {
			r.clone().Settled["x"] = true
		}
		if _, err := unseal(body); err != nil && !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
	})
}
