// Command geomq is the one binary: it runs nodes, and asks and feeds them from
// the command line. It holds flags, wiring and presentation; everything that it
// does is done by the other packages.
//
// # Exit codes
//
//	0    all is well
//	1    something failed, or was stopped before it was done
//	2    wrong usage: an unknown command or flag, a missing argument
//	3    `geomq status`: not every region is known to be safe to lose
//	4    `geomq status`: all are, but a log, replica or disk needs somebody
//	5    an order was refused as things are, or declined: nothing was changed
//	130  a second Ctrl-C ended it at once
//
// # How it is made
//
// One file per noun builds that noun's commands over an app, which holds what a
// process has (streams, environment, clock) so that a test can build the whole
// tree and run it in memory. Errors are returned up to main and turned into text
// there, once (explain.go). Tables and terminals are in internal/table and
// internal/term.
//
// # Concurrency and failure
//
// A first Ctrl-C or SIGTERM ends the context of the running command, which then
// cleans up and says what it did; a second one ends the process at once.
//
// # Testing against it
//
// run takes arguments and an app and returns the exit code; the tests call it
// with an admin server over a fixed status.
package main
