// Package dev runs a whole deployment in one process on loopback: several
// regions of one or more brokers each, for a first look, for hands-on tests and
// for demonstrations. Every node is a real one with a configuration of its own,
// which is written beside its data; nothing is simulated but the distance.
//
// The data folder holds, for each region, a folder per node, and:
//
//	dev.json     the addresses, written once everything answers
//	ports.json   the ports of the last start, taken again if they are free
//	key          the gossip key, made at the first start
package dev
