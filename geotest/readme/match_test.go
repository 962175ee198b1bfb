package readme

import (
	"regexp"
	"strings"
	"testing"
)

const (
	amount   = `\d[\d,]*(?:\.\d+)?`
	volatile = amount + ` (?:ns|µs|ms|s|min|h|d)\b|` + amount + ` (?:B|KiB|MiB|GiB)\b|` + amount + `×|127\.0\.0\.1:\d+`
)

// variable finds what an output may have otherwise than a document prints it.
var variable = regexp.MustCompile(`…|\s+|` + volatile)

// matches tells whether got is what want promises.
func matches(want []string, got string) bool {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, line := range want {
		line = strings.TrimRight(line, " ")
		if line == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(linePattern(line) + `\s*?\n`)
	}
	return regexp.MustCompile(b.String() + `\z`).MatchString(got)
}

func linePattern(line string) string {
	var b strings.Builder
	at := 0
	for _, found := range variable.FindAllStringIndex(line, -1) {
		b.WriteString(regexp.QuoteMeta(line[at:found[0]]))
		at = found[1]
		switch what := line[found[0]:found[1]]; {
		case what == "…":
			b.WriteString(`.*`)
		case strings.TrimSpace(what) == "":
			b.WriteString(`[ \t]+`)
		default:
			b.WriteString(`(?:` + volatile + `)`)
		}
	}
	return b.String() + regexp.QuoteMeta(line[at:])
}

func TestOutputsAreComparedAsTheyShouldBe(t *testing.T) {
	for _, c := range []struct {
		want []string
		got  string
		same bool
	}{
		{[]string{"offset 1  acked in 0.9 ms"}, "offset 1 acked in 12 µs\n", true},
		{[]string{"offset 1  acked in 0.9 ms"}, "offset 2 acked in 12 µs\n", false},
		{[]string{"a", "…"}, "a\nb\nc\n", true},
		{[]string{"a", "…", "d"}, "a\nb\nc\n", false},
		{[]string{"a", "…"}, "b\n", false},
		{[]string{"up … here"}, "up 12.5 and here\n", true},
		{[]string{"nats://127.0.0.1:4222"}, "nats://127.0.0.1:50123\n", true},
		{[]string{"1 entry"}, "11 entry\n", false},
		{nil, "", true},
		{nil, "oops\n", false},
	} {
		if matches(c.want, c.got) != c.same {
			t.Errorf("%q against %q: want %t", c.want, c.got, c.same)
		}
	}
}
