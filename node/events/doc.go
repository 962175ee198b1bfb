// Package events keeps what the control logs of all regions say, for people who
// ask what happened.
//
// A Book holds the newest events in memory; the control logs themselves keep them
// all. A cursor says up to which offset of each control log somebody has read, so
// that any node can go on where another one stopped. A Book may be used by any
// number of goroutines.
package events
