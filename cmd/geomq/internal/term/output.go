package term

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Output is a stream to a person or to a program.
type Output struct {
	io.Writer
	// Terminal tells whether a person looks at it.
	Terminal bool
	// Colour tells whether Paint colours.
	Colour bool
	size   func() (columns, rows int)
}

// Open describes w. lookup is os.LookupEnv, or the like: NO_COLOR, when it is
// set to anything but nothing, turns colour off, and so does TERM=dumb.
func Open(w io.Writer, lookup func(string) (string, bool)) Output {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Output{Writer: w}
	}
	if kind, _ := lookup("TERM"); kind == "dumb" {
		return Output{Writer: w}
	}
	none, _ := lookup("NO_COLOR")
	return Output{Writer: w, Terminal: true, Colour: none == "", size: func() (int, int) {
		columns, rows, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0, 0
		}
		return columns, rows
	}}
}

// Fixed is a terminal of a fixed size over w.
func Fixed(w io.Writer, columns, rows int, colour bool) Output {
	return Output{Writer: w, Terminal: true, Colour: colour, size: func() (int, int) { return columns, rows }}
}

// Width is how many characters fit into a line; 0 means that there is no limit.
func (o Output) Width() int {
	if o.size == nil {
		return 0
	}
	columns, _ := o.size()
	return columns
}

// Height is how many lines are visible; 0 means that there is no limit.
func (o Output) Height() int {
	if o.size == nil {
		return 0
	}
	_, rows := o.size()
	return rows
}
