// Package table lays out aligned columns and writes numbers, sizes and
// durations the way all of geomq's tables show them.
//
// Guarantees. Columns line up whatever the cells hold; a table that does not fit
// into the width drops its least important columns and names them, and only then
// cuts lines. Cells are cleaned (term.Clean), so text from other machines is
// safe to put into them.
//
// Concurrency. A Table belongs to one goroutine; the formatting functions may be
// called from any.
//
// Failure. None of it can fail. A row with too few cells is filled up with empty
// ones, one with too many loses the rest.
//
// To test against it, compare Lines with a golden text.
package table
