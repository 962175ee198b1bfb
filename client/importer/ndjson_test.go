package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"geomq/client"
)

// pages are keys of all the kinds that a subject can and can't hold.
var pages = []string{
	"Peter Pan", "A.B.C", "*", ">", "$JS.API", "", "Война и мир", "東京", "100%", "tab\there",
	"line\nbreak", "…", "naïve", "a/b", "emoji 🎈", "trailing ", "%2E", strings.Repeat("long ", 100),
}

// edits makes n lines that look like a wiki's stream of edits: few pages are
// edited often, many once.
func edits(seed uint64, n int) []string {
	random := rand.New(rand.NewPCG(seed, 1))
	zipf := rand.NewZipf(random, 1.3, 2, uint64(n))
	lines := make([]string, n)
	for i := range lines {
		page := fmt.Sprintf("Page %d", zipf.Uint64())
		if random.IntN(4) == 0 {
			page = pages[random.IntN(len(pages))]
		}
		line, err := json.Marshal(map[string]any{
			"time": fmt.Sprintf("2015-09-12T%02d:%02d:%02d.%03dZ", i/3600%24, i/60%60, i%60, random.IntN(1000)),
			"page": page, "user": fmt.Sprintf("user-%d", random.IntN(500)), "isRobot": random.IntN(3) == 0,
			"delta": random.IntN(4000) - 2000, "comment": strings.Repeat("edit ", random.IntN(80)), "n": i + 1,
		})
		if err != nil {
			panic(err)
		}
		lines[i] = string(line)
	}
	return lines
}

func joined(lines []string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

func zipped(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, part := range parts {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func pageOf(line string) string {
	var fields struct{ Page string }
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		panic(err)
	}
	return fields.Page
}

// expectOnce checks that the log holds each of the lines exactly once, under the
// subject of its key, and those of a subject in the order of the file.
func expectOnce(t *testing.T, got []held, lines []string) {
	t.Helper()
	number := map[string]int{}
	for i, line := range lines {
		number[line] = i + 1
	}
	seen := map[int]bool{}
	last := map[string]int{}
	for _, h := range got {
		if h.subject == "orders.probe" {
			continue
		}
		n := number[h.body]
		want := testTopic + "." + client.Token(pageOf(h.body))
		switch {
		case n == 0:
			t.Fatalf("offset %d holds what is no line: %q", h.offset, h.body)
		case seen[n]:
			t.Fatalf("offset %d holds line %d a second time", h.offset, n)
		case h.subject != want:
			t.Fatalf("line %d has subject %q, want %q", n, h.subject, want)
		case last[h.subject] > n:
			t.Fatalf("line %d of %s came behind line %d", n, h.subject, last[h.subject])
		}
		seen[n], last[h.subject] = true, n
	}
	if len(seen) != len(lines) {
		t.Fatalf("the log holds %d of %d lines", len(seen), len(lines))
	}
}
