// Package configs is the configuration of one geomq node: a YAML file, its
// defaults and what is refused in it.
//
// # Guarantees
//
//   - Strict: an unknown field, a field given twice, a value of the wrong kind, a
//     size or duration in an unknown unit, an alias or a second document is a
//     problem, never a guess.
//   - All problems at once: Parse and Load return Problems, one per mistake, each
//     with the field's path (logs[1].topics[0]) and its line. A value that can't be
//     read is one problem, not a second one for being missing.
//   - One place of defaults: Defaults for what is the same everywhere and
//     FillDefaults for what follows from other fields. Reference prints both from
//     the table that also drives reading and writing, so they can't disagree.
//   - Validate is pure: it looks at the values and touches neither disk nor
//     network. Only Load reads files: the configuration and gossip.key_file.
//   - What Marshal writes, Parse reads back equal.
//
// # How it is made
//
// fields.go lists every field once, with its key, where its value lives and one
// line of text. decode.go walks the YAML tree along that table; validate*.go
// judge the result. Judging names is left to the Parse functions of package geo.
//
// A gateway that runs alone has a file of its own, Gateway, read by LoadGateway in
// the same way; gateway.go holds its table.
//
// # Concurrency
//
// All functions may be called from any number of goroutines. A Config is a plain
// value with slices in it: share it only while nobody changes it.
//
// # Failure
//
// A wrong configuration gives Problems, to be shown to the person who wrote the
// file. A file that can't be read gives the error of package os, wrapped. Text
// that is no YAML at all gives one Problem without a path, and nothing below it
// can be judged.
//
// # Testing against it
//
// Start from Defaults, set Region, Data and Logs, listen on port 0, and call
// FillDefaults. Marshal gives the file for a child process.
package configs
