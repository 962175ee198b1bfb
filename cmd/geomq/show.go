package main

import (
	"fmt"
	"strings"

	"geomq/cmd/geomq/internal/term"
)

// sheet lays out what there is to know about one thing: titles, and below each
// names with their values.
type sheet struct {
	out   term.Output
	lines []string
	pairs [][2]string
}

func newSheet(out term.Output) *sheet { return &sheet{out: out} }

// title begins a part.
func (s *sheet) title(style term.Style, format string, args ...any) {
	s.flush()
	if len(s.lines) > 0 {
		s.lines = append(s.lines, "")
	}
	s.lines = append(s.lines, s.out.Paint(style, term.Clean(fmt.Sprintf(format, args...))))
}

// pair adds a name with its value; an empty value is left out.
func (s *sheet) pair(name, format string, args ...any) {
	if value := term.Clean(fmt.Sprintf(format, args...)); value != "" {
		s.pairs = append(s.pairs, [2]string{name, value})
	}
}

// table adds lines that are laid out already.
func (s *sheet) table(lines []string) {
	s.flush()
	for _, line := range lines {
		s.lines = append(s.lines, "  "+line)
	}
}

func (s *sheet) flush() {
	width := 0
	for _, p := range s.pairs {
		width = max(width, term.Length(p[0]))
	}
	for _, p := range s.pairs {
		s.lines = append(s.lines, "  "+s.out.Paint(term.Faint, p[0])+strings.Repeat(" ", width-term.Length(p[0]))+"  "+p[1])
	}
	s.pairs = nil
}

// end returns the whole sheet.
func (s *sheet) end() []string {
	s.flush()
	return s.lines
}
