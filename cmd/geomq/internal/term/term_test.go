package term

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func none(string) (string, bool) { return "", false }

func TestWhatIsNoTerminalGetsNoEscapes(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, out := range []Output{Open(file, none), Open(&bytes.Buffer{}, none)} {
		if out.Terminal || out.Width() != 0 || out.Height() != 0 || out.Paint(Bad, "x") != "x" {
			t.Errorf("%+v passes for a terminal", out)
		}
	}
}

func TestCutCountsWhatIsVisible(t *testing.T) {
	red := Output{Colour: true}.Paint(Bad, "halted")
	for _, c := range []struct {
		line  string
		width int
		want  string
	}{
		{"halted", 6, "halted"}, {"halted", 5, "halt…"}, {"halted", 1, "…"}, {"halted", 0, "halted"},
		{red, 6, red}, {red, 4, "\x1b[1;31mhal…\x1b[0m"}, {"a" + red, 2, "a\x1b[1;31m…\x1b[0m"},
		{red + "ab", 7, red + "…"}, {"延迟很大", 3, "延迟…"},
	} {
		if got := Cut(c.line, c.width); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.line, c.width, got, c.want)
		}
	}
}

func TestCleanKeepsTextAndLosesControl(t *testing.T) {
	for text, want := range map[string]string{
		"eu-west: 延迟 ≤ 3 s": "eu-west: 延迟 ≤ 3 s", "a\x1b[31mb": "a·[31mb", "a\nb\tc": "a b c",
		"\u0085\x7f\xff": "···", "\u202eabc": "·abc",
	} {
		if got := Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestScreenCutsToTheTerminalAndLeavesTheLastFrame(t *testing.T) {
	var b bytes.Buffer
	s := NewScreen(Fixed(&b, 10, 4, false))
	s.Draw([]string{"one", "two is too long", "three", "four", "five"})
	drawn := b.String()
	for _, want := range []string{"one\x1b[K", "two is to…", "… and 3 l…"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("%q is not in %q", want, drawn)
		}
	}
	if strings.Contains(drawn, "three") {
		t.Errorf("more lines than the terminal has: %q", drawn)
	}
	b.Reset()
	s.Close()
	if got := b.String(); !strings.HasPrefix(got, closeScreen) || !strings.HasSuffix(got, "four\nfive\n") {
		t.Errorf("after closing: %q", got)
	}
}

func TestLiveClearsOnlyWhatItShowed(t *testing.T) {
	var b bytes.Buffer
	l := NewLive(Fixed(&b, 8, 4, false))
	l.Clear()
	if b.Len() > 0 {
		t.Errorf("cleared before anything was shown: %q", b.String())
	}
	l.Show("working hard")
	l.Clear()
	if got, want := b.String(), "\rworkin…\x1b[K\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
