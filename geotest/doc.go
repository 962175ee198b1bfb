// Package geotest runs whole deployments of geomq as child processes, harms
// them, and checks what is left against the invariants that geomq promises. It
// serves geomq's own tests and those of its users.
//
// A Process is a child that can be killed the hard way. A Dev is `geomq dev`
// under a Process. A History collects what producers were told and what readers
// saw; Check compares it with what the regions hold in the end and says which
// invariant broke, at which offsets. The numbers of the invariants (I1 to I5)
// are those of docs/ARCHITECTURE.md.
//
// Everything listens on loopback, on ports that were free, and ends with the
// test that started it.
package geotest
