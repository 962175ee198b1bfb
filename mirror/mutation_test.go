//go:build slow

package mirror

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutation is one deliberate mistake, and the package whose tests must notice.
type mutation struct {
	name     string
	file     string // from the module's root
	old, new string
	pkg      string
}

const (
	links   = "./mirror"
	entries = "./geo/entry"
)

var mutations = []mutation{
	{"the frame's number is not checked", "mirror/sinkflow.go", "case f.Number != s.nextFrame:", "case false:", links},
	{"the frame's offset is not checked", "mirror/sinkflow.go", "case f.First > s.handed+1:", "case false:", links},
	{"overlap is applied again", "mirror/sinkflow.go", "Skip: skip, Without", "Skip: 0 * skip, Without", links},
	{"credit is not checked by the sink", "mirror/sinkflow.go", "return s.UnderWay() == 0 || s.received+size <= s.granted", "return true", links},
	{"credit is ignored by the source", "mirror/sourceflow.go", "return alone || s.bytes+size <= s.granted", "return alone || true", links},
	{"a frame is dropped", "mirror/sourceflow.go", "return append(actions, Send{f})", "if s.number%7 == 3 {\n\t\treturn actions\n\t}\n\treturn append(actions, Send{f})", links},
	{"a frame is dropped and its number too", "mirror/sourceflow.go", "return append(actions, Send{f})", "if f.Number == 3 {\n\t\ts.number--\n\t\treturn actions\n\t}\n\treturn append(actions, Send{f})", links},
	{"a frame is sent twice", "mirror/sourceflow.go", "return append(actions, Send{f})", "if f.Number == 2 {\n\t\treturn append(actions, Send{f}, Send{f})\n\t}\n\treturn append(actions, Send{f})", links},
	{"two frames are swapped", "mirror/sourceflow.go", "s.number++\n\ts.bytes += uint64(f.Raw)", "s.number ^= 1\n\ts.bytes += uint64(f.Raw)", links},
	{"the session is ignored by the sink", "mirror/sink.go", "if m.Of() != s.cfg.Session {", "if false {", links},
	{"the session is ignored by the source", "mirror/source.go", "|| m.Of() != s.hello.Session {", "{", links},
	{"the digest at the handshake is ignored", "mirror/sourceopen.go", "*h.Last != *s.held.Digest {", "false {", links},
	{"the replica may be ahead", "mirror/sourceopen.go", "if h.From > extent.Last+1 {", "if false {", links},
	{"a trimmed range is jumped", "mirror/sourceopen.go", "if h.From < extent.First {", "if false {", links},
	{"a lost frame before a silence", "mirror/sinkflow.go", "if m.Frames != s.nextFrame-1 ||", "if", links},
	{"a lost seal", "mirror/sinkflow.go", "if m.From != s.noted || block < m.From {", "if false {", links},
	{"trimming goes beyond what was applied", "mirror/sinkflow.go", "first := min(s.head.First, s.applied+1)", "first := s.head.First", links},
	{"the checksum is not checked", "mirror/codec.go", "if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {", "if sum == nil {", links},
	{"the wrong block is sealed", "mirror/sealer_run.go", "Block: d.block, Absent", "Block: d.block + 1, Absent", links},
	{"a hole is sealed", "mirror/sealer_run.go", "case len(missing) > 0:", "case false:", links},
	{"the seal's digest is not compared", "mirror/sums.go", "if len(missing) == 0 && d.sum() == entry.Digest(seal.Digest) {", "if len(missing) == 0 {", links},
	{"a block is compared before it is applied", "mirror/sinkflow.go", "s.seals[0].Block.Range().Last <= s.applied {", "true {", links},
	{"an empty header becomes none", "mirror/frame.go", "if header == nil {", "if len(header) == 0 {", links},
	{"a missing header becomes empty", "mirror/unpack.go", "if header > 0 {\n\t\te.Header = c.header", "if true {\n\t\te.Header = append([]byte{}, c.header...)", links},
	{"a source calls what it lacks a hole", "mirror/sourceflow.go", "known, left := s.known.explain(jump)", "known, left := []Hole{{First: jump.First, Last: jump.Last, Why: WhyDeletion}}, geo.Range{First: 1}", links},
	{"a jump is judged by an old look", "mirror/sourceflow.go", "case s.looking: // since before the jump\n\t\ts.again = true", "case s.looking: // since before the jump\n\t\ts.judging = true", links},
	{"a hole at the log's end is kept quiet", "mirror/sourceflow.go", "if left.Len() > 0 {\n\t\treturn actions\n\t}\n\treturn s.leave", "if left.Len() < 1<<60 {\n\t\treturn actions\n\t}\n\treturn s.leave", links},
	{"deletions come behind the frames that need them", "mirror/sourceflow.go", "if !s.affords(deletionSize(&s.notes[0])) {\n\t\t\treturn actions", "if !s.affords(deletionSize(&s.notes[0])) {\n\t\t\tbreak", links},
	{"only the first deletions are told", "mirror/sourceflow.go", "s.more = len(deletions) >= deletionsAtOnce", "s.more = false", links},
	{"an old sink gets holes", "mirror/sourceflow.go", "if s.version < 2 && len(known) > 0 {", "if false {", links},
	{"a stale relay counts as a contradiction", "mirror/sourceopen.go", "cause = CauseStale", "cause = CauseEpochs", links},
	{"a source streams on under other epochs", "mirror/source.go", "if extent.Epochs.String() != s.held.Extent.Epochs.String() {", "if false {", links},
	{"a source that reads nothing any more goes on", "mirror/standstill.go", "return now-s.since >= stillPatience", "return false", links},
	{"a source that proves a block is given up", "mirror/standstill.go", "|| s.brought != s.known", "", links},
	{"an unproved hole is believed", "mirror/sinkflow.go", "known, left := s.known.explain(m.Range())\n\tif left.Len() > 0 {", "known, left := s.known.explain(m.Range())\n\tknown = []Hole{*m}\n\tif left.Len() > 1<<60 {", links},
	{"entries between two epochs are taken", "mirror/sinkflow.go", "case len(between) > 0:", "case false:", links},
	{"deleted entries in flight are shown", "mirror/sinkflow.go", "Skip: skip, Without: without}", "Skip: skip, Without: without[len(without):]}", links},
	{"a deletion may be left out", "mirror/sinkflow.go", "case m.Deletion.Number != s.deletions+1:", "case m.Deletion.Number <= s.deletions:", links},
	{"replicas trim on a relay's word", "mirror/sinkflow.go", "s.holder != s.cfg.Log.Origin || first", "first", links},
	{"a replica beyond a new epoch goes on", "mirror/sinkopen.go", "s.stand.Last >= m.Epochs[len(ours)].First {", "s.stand.Last > 1<<60 {", links},
	{"nothing is retired", "mirror/sinkadopt.go", "if a.Retire.Len() > 0 {", "if a.Retire.Len() > 1<<60 {", links},
	{"seals of retired entries stay", "mirror/sinkadopt.go", "if err := s.replica.DropSeals(ctx, a.Last); err != nil {", "if err := error(nil); err != nil {", links},
	{"the epochs are recorded before the entries are retired", "mirror/sinkadopt.go", "if a.Retire.Len() > 0 {", "if err := s.replica.SetEpochs(ctx, a.Epochs); err != nil {\n\t\treturn err\n\t}\n\tif a.Retire.Len() > 0 {", links},
	{"what came back stays", "mirror/sinkadopt.go", "if a.Mend {", "if false {", links},
	{"a deletion overtakes the entries it names", "mirror/apply.go", "newest := min(s.handed, d.Offsets[len(d.Offsets)-1])", "newest := min(0, d.Offsets[len(d.Offsets)-1])", links},
	{"a replica that ends in a hole waits for its entry", "mirror/stand.go", "if !h.compacted && h.covers(geo.Range{First: offset, Last: offset}) {", "if false {", links},
	{"a payload may expand without bound", "mirror/compress.go", "dst[:0:raw]", "nil", links},
	{"escapes are forgotten", "geo/entry/header.go", "return hasPrefixFold(rest, \"nats-\") || hasPrefixFold(rest, \"geomq-\")", "return false", entries},
	{"geomq's headers are not escaped", "geo/entry/header.go", " || hasPrefixFold(rest, \"geomq-\")", "", entries},
	{"escapes are not injective", "geo/entry/header.go", "for hasPrefixFold(rest, escape) {", "for false {", entries},
	{"the fence names another offset", "geo/entry/stored.go", "strconv.AppendUint(dst, uint64(e.Offset)-1, 10)", "strconv.AppendUint(dst, uint64(e.Offset), 10)", entries},
	{"an empty header and none have one digest", "geo/entry/entry.go", "headerLen = ^uint64(0)", "headerLen = 0", entries},
	{"a resend counts as fresh", "dedupe/recent.go", "case e.Offset <= r.last:", "case false:", "./dedupe"},
	{"a conflict counts as a resend", "dedupe/recent.go", "if r.ring[at].digest != digest {", "if false {", "./dedupe"},
}

// TestMistakesTurnTheTestsRed makes one mistake at a time in a copy of the module
// and expects the tests to fail there.
func TestSlowMistakesTurnTheTestsRed(t *testing.T) {
	root := copyModule(t)
	for _, pkg := range []string{links, entries, "./dedupe"} {
		if out, green := runTests(t, root, pkg); !green {
			t.Fatalf("%s is red without any mistake:\n%s", pkg, out)
		}
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(root, m.file)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s holds %q %d times, want once: follow the code", m.file, m.old, n)
			}
			write(t, path, strings.Replace(string(source), m.old, m.new, 1))
			defer write(t, path, string(source))
			out, green := runTests(t, root, m.pkg)
			switch {
			case green:
				t.Error("the tests stay green")
			case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
				t.Errorf("the mistake does not compile:\n%s", out)
			}
		})
	}
}

// copyModule copies what the tests need to a folder of its own.
func copyModule(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "geo", "geo/entry", "dedupe", "mirror", "mirror/holders"} {
		from := filepath.Join("..", name)
		if info, err := os.Stat(from); err != nil {
			t.Fatal(err)
		} else if !info.IsDir() {
			copyFile(t, from, filepath.Join(root, name))
			continue
		}
		files, err := filepath.Glob(filepath.Join(from, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			copyFile(t, file, filepath.Join(root, name, filepath.Base(file)))
		}
	}
	if err := os.CopyFS(filepath.Join(root, "mirror/testdata"), os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return root
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(text))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func runTests(t *testing.T, root, pkg string) (out string, green bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := []string{"test", "-failfast", "-timeout", "50s", pkg}
	if pkg == links {
		args = append(args, "-chaos.runs", "20")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "timed out", false
	}
	return string(text), err == nil
}
