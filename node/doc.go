// Package node is the composition root: it wires a broker, gossip, links and the
// admin API into one node of a region.
//
// It is the only package that knows both brokers and regions. What it adds is
// small: it opens the logs that the configuration names, keeps one Link running
// for each log of another region, one Sealer for each log of its own, and
// answers the admin API.
//
// In a region of several brokers each log's Link and Sealer run on the node that
// leads the log's stream, and move with it. Two at once do no harm: the expected
// sequence of every append and the write-once seals are what keep a log right.
//
// New validates and prepares, Run starts everything, serves until its context
// ends, and then stops in this order: links and sealers, answers to other
// regions, admin API, gossip, broker.
package node
