package geotest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// recall is how far back a power cut may throw a file: what JetStream has written
// without asking for the disk lies in the page cache until the system gets to it.
const recall = 5 * time.Second

// PowerCut takes the power from the machines of the given regions at once: their
// processes die, and what their page caches held is lost, more or less of it on
// each machine. It returns how far back at most. Launch or Restart brings them
// up, with another boot of the host in everything that names one. Options must
// say PowerCuts.
//
// What it models: JetStream writes to the end of block files and replaces other
// files by new ones, and fsyncs neither until its sync interval has passed. So
// names are those of one moment within the last five seconds (a file system's
// journal keeps their order), and each file has what it had then or up to five
// seconds earlier (file data are written back file by file, in any order). A file
// that had just been made may be there without anything in it.
//
// What was fsynced stays. Linux tells how much of a file is on disk (cachestat,
// since 6.5), so nobody has to know what the product fsyncs, and one that forgets to
// is found out; an fsync also brings all names of its time to the disk, as journals
// do. By which names files go that were fsynced first and renamed then, nobody tells:
// those of the product's own files, and of the streams of records that are flushed
// before they count, are taken for durable. Where the system tells nothing, so is
// what they hold, and everything with `flush: sync`.
//
// What it doesn't model: a disk that lies about fsync, pages within a file that
// are written back in another order (so that a file has its new length with zeros
// or old bytes inside), files that are changed in place, and directories that
// outlive their files.
func (r *Regions) PowerCut(t testing.TB, rng *rand.Rand, regions ...string) (since time.Time) {
	t.Helper()
	at := time.Now()
	for _, name := range regions {
		r.Kill(t, name)
	}
	for _, name := range regions {
		r.site(t, name).losePower(t, rng, at)
	}
	return at.Add(-2 * recall)
}

func (s *site) losePower(t testing.TB, rng *rand.Rand, at time.Time) {
	t.Helper()
	recorded := s.recorder
	if recorded == nil {
		t.Fatalf("%s isn't recorded: Options must say PowerCuts before the start", s.Name)
	}
	recorded.look(time.Now())
	s.endRecorder(t)
	rng = rand.New(rand.NewPCG(rng.Uint64(), 0)) // how much the caller's has drawn then is always the same
	names := at.Add(-time.Duration(rng.Int64N(int64(recall))))
	taken, err := recorded.rollBack(rng, names, s.durable)
	if err != nil {
		t.Fatalf("bring %s back to %s before its end: %v", s.data, at.Sub(names), err)
	}
	t.Logf("power cut in %s: %d files are older or shorter, %d bytes of blocks gone", s.Name, taken.files, taken.bytes)
	if err := reboot(s.data); err != nil {
		t.Fatal(err)
	}
}

// endRecorder ends the recorder before somebody else changes the data folder. The
// next life has another one.
func (s *site) endRecorder(t testing.TB) {
	t.Helper()
	if s.recorder == nil {
		return
	}
	if err := s.recorder.end(); err != nil {
		t.Fatalf("record %s: %v", s.data, err)
	}
	s.recorder = nil
}

// durable tells whether the product fsyncs a file of the data folder, and the folder
// that names it, before it relies on it.
func (s *site) durable(path string) bool {
	if s.flushed {
		return true
	}
	broker, below, found := strings.Cut(path, "jetstream"+string(filepath.Separator))
	if !found || broker != "" {
		return true
	}
	return slices.ContainsFunc(strings.Split(below, string(filepath.Separator)), flushedStream)
}

// flushedStream tells whether stream holds geomq's own records, which are flushed
// before they count. Seals are not: they can be made again.
func flushedStream(stream string) bool {
	return strings.HasPrefix(stream, "GEOMQ") && !strings.HasPrefix(stream, "GEOMQ-SEALS-")
}

// bootID is where Linux tells one boot of the host from another.
const bootID = "/proc/sys/kernel/random/boot_id"

// reboot writes another boot of the host wherever the product noted this one, so
// that the next life finds what it would find after the machine's restart.
func reboot(data string) error {
	text, err := os.ReadFile(bootID)
	if err != nil {
		return gone(err) // a system that has none
	}
	boot := bytes.TrimSpace(text)
	return filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return replace(path, boot, []byte(uuid.NewString()))
	})
}

// replace changes old into fresh in a small file, which stays the same file.
func replace(path string, old, fresh []byte) error {
	const small = 64 << 10
	info, err := os.Stat(path)
	if err != nil || info.Size() > small {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, old) {
		return err
	}
	return os.WriteFile(path, resealed(text, bytes.ReplaceAll(text, old, fresh)), info.Mode())
}

// resealed gives changed the right checksum, where the text had one: CRC-32C of
// the rest in hexadecimal, as its first line.
func resealed(text, changed []byte) []byte {
	sum := func(body []byte) string {
		return fmt.Sprintf("%08x", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	}
	first, body, found := bytes.Cut(text, []byte("\n"))
	if !found || sum(body) != string(first) {
		return changed
	}
	body = changed[len(first)+1:]
	return append([]byte(sum(body)+"\n"), body...)
}
