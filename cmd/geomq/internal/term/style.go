package term

import (
	"strings"
	"unicode/utf8"
)

// Style is what a text means; Paint gives it a colour.
type Style string

// The styles. Their values are the parameters of the escape sequence SGR.
const (
	Plain  Style = ""
	Good   Style = "32"
	Bad    Style = "1;31"
	Warn   Style = "33"
	Faint  Style = "2"
	Strong Style = "1"
)

const (
	escape = "\x1b["
	reset  = escape + "0m"
)

// Paint returns text in style s, or text itself where o has no colours.
func (o Output) Paint(s Style, text string) string {
	if !o.Colour || s == Plain || text == "" {
		return text
	}
	return escape + string(s) + "m" + text + reset
}

// Clean replaces everything in text that a terminal would act on, line ends
// included, by a space or a '·', and what is no UTF-8 too.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || bidi(r):
			return '·'
		}
		return r
	}, text)
}

// bidi tells whether r changes the direction of writing, by which a text could
// look like another one.
func bidi(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// Length is how many characters text has on the terminal; it must be clean and
// without colours.
func Length(text string) int { return utf8.RuneCountInString(text) }

// Cut shortens a painted line to width characters, the last of which is then
// '…'. A width of 0 or less leaves it alone.
func Cut(line string, width int) string {
	if width <= 0 || visible(line) <= width {
		return line
	}
	var b strings.Builder
	shown, painted := 0, false
	for rest := line; rest != ""; {
		if sequence := leadingEscape(rest); sequence != "" {
			b.WriteString(sequence)
			painted = sequence != reset
			rest = rest[len(sequence):]
			continue
		}
		if shown == width-1 {
			break
		}
		_, size := utf8.DecodeRuneInString(rest)
		b.WriteString(rest[:size])
		rest = rest[size:]
		shown++
	}
	b.WriteString("…")
	if painted {
		b.WriteString(reset)
	}
	return b.String()
}

func visible(line string) int {
	n := 0
	for line != "" {
		if sequence := leadingEscape(line); sequence != "" {
			line = line[len(sequence):]
			continue
		}
		_, size := utf8.DecodeRuneInString(line)
		line = line[size:]
		n++
	}
	return n
}

// leadingEscape is the colour sequence that text begins with, if any.
func leadingEscape(text string) string {
	if !strings.HasPrefix(text, escape) {
		return ""
	}
	if end := strings.IndexByte(text, 'm'); end >= 0 {
		return text[:end+1]
	}
	return ""
}
