package table

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"geomq/cmd/geomq/internal/term"
)

func logs() *Table {
	t := New(Column{Title: "LOG"}, Column{Title: "LAST", Right: true}, Column{Title: "MODE", Spare: 2}, Column{Title: "NOTE", Spare: 1})
	t.Row(Text("ORDERS@us-east"), Text("39,244"), Text("single"), Cell{Text: "fine", Style: term.Good})
	t.Row(Text("É@x"), Text("7"))
	return t
}

func TestColumnsLineUp(t *testing.T) {
	want := "" +
		"LOG               LAST  MODE    NOTE\n" +
		"ORDERS@us-east  39,244  single  fine\n" +
		"É@x                  7"
	if got := strings.Join(logs().Lines(term.Output{}), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColourDoesNotShiftColumns(t *testing.T) {
	plain, painted := logs().Lines(term.Output{}), logs().Lines(term.Fixed(nil, 0, 0, true))
	for i := range plain {
		stripped := painted[i]
		for _, sequence := range []string{"\x1b[0m", "\x1b[2m", "\x1b[32m"} {
			stripped = strings.ReplaceAll(stripped, sequence, "")
		}
		if strings.TrimRight(stripped, " ") != plain[i] {
			t.Errorf("with colour %q, without %q", stripped, plain[i])
		}
	}
}

func TestNarrowTerminalsLoseSpareColumnsFirst(t *testing.T) {
	for width, missing := range map[int]string{36: "", 35: "MODE", 27: "MODE, NOTE", 10: "MODE, NOTE"} {
		lines := logs().Lines(term.Fixed(nil, width, 0, false))
		named := ""
		if last := lines[len(lines)-1]; strings.HasPrefix(last, "(too") {
			_, named, _ = strings.Cut(strings.TrimSuffix(last, ")"), "for ")
		}
		if width > 20 && named != missing {
			t.Errorf("at width %d the columns %q are missing, want %q", width, named, missing)
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("at width %d a line has %d characters: %q", width, n, line)
			}
		}
	}
}

func TestForeignTextCanNotSteerTheTerminal(t *testing.T) {
	table := New(Column{Title: "NODE"})
	table.Row(Text("evil\x1b[2J\nnext\u202e"))
	if got := table.Lines(term.Output{})[1]; got != "evil·[2J next·" {
		t.Errorf("%q", got)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(uint64(0)), "0"}, {Count(uint64(999)), "999"}, {Count(uint64(1_000)), "1,000"}, {Count(uint64(39_244_000)), "39,244,000"},
		{CountOr(nil), "unknown"}, {CountOr(new(uint64)), "0"},
		{Bytes(0), "0 B"}, {Bytes(1023), "1023 B"}, {Bytes(1024), "1.0 KiB"}, {Bytes(1536), "1.5 KiB"},
		{Bytes(1<<20 - 1), "1.0 MiB"}, {Bytes(16 << 20), "16 MiB"}, {Bytes(1<<64 - 1), "16 EiB"}, {BytesOr(nil), "unknown"},
		{Duration(3200 * time.Millisecond), "3.2 s"}, {Duration(0), "0 ms"}, {SecondsOr(nil), "unknown"},
		{Since(time.Time{}, time.Unix(9, 0)), "–"}, {Since(time.Unix(9, 0), time.Unix(4, 0)), "0 ms"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
