package term

import (
	"fmt"
	"io"
	"strings"
)

const (
	openScreen  = escape + "?1049h" + escape + "?25l"
	closeScreen = escape + "?25h" + escape + "?1049l"
	home        = escape + "H"
	clearLine   = escape + "K"
	clearBelow  = escape + "J"
)

// Screen redraws a whole terminal. The terminal's old contents come back when it
// is closed, followed by what was drawn last.
type Screen struct {
	out  Output
	last []string
}

// NewScreen takes over out, which must be a terminal.
func NewScreen(out Output) *Screen {
	io.WriteString(out, openScreen)
	return &Screen{out: out}
}

// Draw shows lines instead of what was there. Lines that don't fit are cut, and
// those below the last row are counted.
func (s *Screen) Draw(lines []string) {
	s.last = lines
	if rows := s.out.Height(); rows > 1 && len(lines) > rows-1 {
		hidden := len(lines) - (rows - 2)
		lines = append(append([]string(nil), lines[:rows-2]...), fmt.Sprintf("… and %d lines below", hidden))
	}
	width := s.out.Width()
	var b strings.Builder
	b.WriteString(home)
	for _, line := range lines {
		b.WriteString(Cut(line, width) + clearLine + "\r\n")
	}
	b.WriteString(clearBelow)
	io.WriteString(s.out, b.String())
}

// Close gives the terminal back.
func (s *Screen) Close() {
	io.WriteString(s.out, closeScreen)
	for _, line := range s.last {
		io.WriteString(s.out, Cut(line, s.out.Width())+"\n")
	}
	s.last = nil
}

// Live is one line at the end of a terminal that is written over again and again.
type Live struct {
	out   Output
	shown bool
}

// NewLive makes a line on out, which must be a terminal.
func NewLive(out Output) *Live { return &Live{out: out} }

// Show puts text into the line, cut to the width.
func (l *Live) Show(text string) {
	l.shown = true
	io.WriteString(l.out, "\r"+Cut(text, l.out.Width()-1)+clearLine)
}

// Clear removes the line, so that ordinary output can follow.
func (l *Live) Clear() {
	if l.shown {
		io.WriteString(l.out, "\r"+clearLine)
		l.shown = false
	}
}
