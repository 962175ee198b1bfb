package configs

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// A file within 1 MiB can name very many things. None of it may cost more than seconds,
// or allocate what grows with the square of its size.
func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	half := maxFile / 8 // as much as shows a square, and still quick with -race
	for name, file := range map[string]string{
		"regions times logs":   good + "regions: [us-east" + strings.Repeat(",a", half/2) + "]\nlogs: [" + strings.Repeat("{},", half/3) + "]\n",
		"regions twice":        good + "regions: [us-east" + strings.Repeat(",a", half/2) + "]\nlogs: [{regions: [" + strings.Repeat("b,", half/2) + "]}]\n",
		"regions of a log":     oneLog + "  regions: [" + strings.Repeat("b,", half) + "]\n",
		"aliases of aliases":   "a: &a [x,x]\n" + strings.Repeat("b: &a [*a,*a,*a,*a,*a]\n", 100) + "logs: *a\n",
		"an alias of itself":   "logs: &a [*a, *a]\n",
		"unknown fields":       numbered("regionx%d: 1\n", 10_000),
		"deep lists":           good + "logs: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + "\n",
		"deeper than YAML may": good + "logs: " + strings.Repeat("[", 100_000) + "\n",
		"one endless name":     "region: " + strings.Repeat("a", 7*half) + "\ndata: d\n",
		"topics with wildcards": good + "logs: [{name: A, topics: [" + numbered("a.b%d.c,", 2_500) +
			numbered("a.*.d%d,", 2_500) + "]}]\n",
	} {
		if len(file) > maxFile {
			t.Fatalf("%s: the file has %d bytes", name, len(file))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := Parse([]byte(file))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		allocated := Bytes(after.TotalAlloc - before.TotalAlloc)
		t.Logf("%s: %v, %dMiB allocated", name, took.Round(time.Millisecond), allocated/mib)
		if took > 10*time.Second || allocated > gib/2 {
			t.Errorf("%s: took %v and allocated %dMiB", name, took, allocated/mib)
		}
		if name != "topics with wildcards" && err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
