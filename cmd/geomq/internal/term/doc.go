// Package term knows what a terminal is: whether an output is one, how wide it
// is, colours, and the two ways in which a command redraws (a whole Screen, a
// single Live line).
//
// Guarantees. An output that is no terminal never receives an escape sequence.
// Text that came from elsewhere goes through Clean before it is shown, so that
// it can't steer the terminal.
//
// Concurrency. An Output is a value and may be copied; a Screen and a Live belong
// to one goroutine.
//
// Failure. Writes to an output that has gone away are not reported: there is
// nobody left to tell.
//
// To test against it, make an Output by hand: Fixed gives one of a chosen size
// over any io.Writer.
package term
