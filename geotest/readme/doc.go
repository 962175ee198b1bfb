// Package readme holds the documents to what the program does. Its tests run
// every command that README.md and the guides under docs/ show, against a real
// deployment, and compare what the documents print with what comes back; they
// compare tables of options, metrics and causes with the code; and they look up
// every link and every test that a document names.
//
// # What is run, and what is changed on the way
//
// The console blocks of README.md are its tour, one shell session: a line that
// begins with "$ " is a command (a backslash or a pipe at its end continues it),
// what follows is its output. "…" in an output stands for anything, alone on a
// line for any lines; durations, sizes and ports may be others than printed, and
// the shell's own word about a killed process does not count. A command that only
// looks may look again for a while. Three things are changed, so that the tour
// disturbs nobody:
//
//   - the line that builds the program is left out, since the test has one;
//   - "dev" gets "--ports random", and once it is up, GEOMQ_ADMIN its address;
//   - "go run" happens inside this module, with the ports that dev got.
//
// The sh blocks of the guides run the same way, each guide in a session and a
// folder of its own, and each block must end with exit code 0. Blocks marked text
// are not run. There must be a bash; without one these tests are skipped.
package readme
