package admin

import (
	"cmp"
	"fmt"
	"slices"

	"geomq/geo"
)

// answer is what one node said when it was asked for its local Status.
type answer struct {
	node   Node
	status Status
	err    error
}

// merge makes one Status out of a node's own and the answers of all others. A
// node speaks for its own region only; of several nodes' words about the same
// log or link the better informed counts.
func merge(own Status, peers []Node, answers []answer) Status {
	out := own
	out.Scope = ScopeAll
	out.Logs, out.Links = slices.Clone(own.Logs), slices.Clone(own.Links)
	out.Problems, out.Disks = slices.Clone(own.Problems), slices.Clone(own.Disks)
	answering := map[nodeID]bool{{own.Region, own.Node}: true}
	for _, a := range answers {
		if a.err != nil {
			continue
		}
		answering[a.node.id()] = true
		out.takeFrom(a)
	}
	out.Logs, out.Links, out.Disks = dedupeLogs(out.Logs), dedupeLinks(out.Links), dedupeDisks(out.Disks)
	out.Regions = regionsFrom(own, peers, answering)
	for _, r := range out.Regions {
		out.Problems = append(out.Problems, r.problems(answers)...)
	}
	return out
}

type nodeID struct {
	region geo.Region
	name   string
}

func (n Node) id() nodeID { return nodeID{n.Region, n.Name} }

// takeFrom adds what a says about its own region.
func (s *Status) takeFrom(a answer) {
	for _, l := range a.status.Logs {
		if l.Region == a.node.Region {
			s.Logs = append(s.Logs, l)
		}
	}
	for _, l := range a.status.Links {
		if l.To == a.node.Region {
			s.Links = append(s.Links, l)
		}
	}
	for _, d := range a.status.Disks {
		if (nodeID{d.Region, d.Node}) == a.node.id() {
			s.Disks = append(s.Disks, d)
		}
	}
	for _, p := range a.status.Problems {
		s.Problems = append(s.Problems, fmt.Sprintf("%s/%s: %s", a.node.Region, a.node.Name, p))
	}
}

// regionsFrom lists own's regions and those of peers with all their nodes.
func regionsFrom(own Status, peers []Node, answering map[nodeID]bool) []Region {
	var regions []Region
	at := func(name geo.Region) *Region {
		i := slices.IndexFunc(regions, func(r Region) bool { return r.Name == name })
		if i < 0 {
			regions, i = append(regions, Region{Name: name, State: RegionUnknown, Nodes: []Node{}}), len(regions)
		}
		return &regions[i]
	}
	for _, r := range own.Regions {
		at(r.Name).Configured = r.Configured
	}
	for _, n := range peers {
		n.Answering = answering[n.id()]
		r := at(n.Region)
		r.Nodes = append(r.Nodes, n)
	}
	if r := at(own.Region); len(r.Nodes) == 0 {
		r.State = RegionUp // it answers, though gossip does not list it yet
	}
	for i := range regions {
		regions[i].judge()
	}
	return regions
}

// judge sets r's state by its nodes and puts them in order.
func (r *Region) judge() {
	slices.SortFunc(r.Nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	switch {
	case len(r.Nodes) == 0:
	case slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.Answering }):
		r.State = RegionUp
	default:
		r.State = RegionUnreachable
	}
}

// problems says which of r's nodes did not answer.
func (r Region) problems(answers []answer) []string {
	switch {
	case r.State == RegionUnreachable:
		return []string{fmt.Sprintf("%s: none of its %d nodes answers, what it holds is not shown: %v", r.Name, len(r.Nodes), whyNot(r.Nodes[0], answers))}
	case r.State == RegionUnknown && r.Configured:
		return []string{fmt.Sprintf("%s: no node of it has been seen yet; is one running, and does it name a member of another region to join?", r.Name)}
	}
	var out []string
	for _, n := range r.Nodes {
		if !n.Answering {
			out = append(out, fmt.Sprintf("%s/%s does not answer, links that it runs are not shown: %v", r.Name, n.Name, whyNot(n, answers)))
		}
	}
	return out
}

func whyNot(n Node, answers []answer) error {
	for _, a := range answers {
		if a.node.id() == n.id() {
			return a.err
		}
	}
	return ErrNoAnswer
}

// logRank orders what nodes of one region say about a log: a fault that one of
// them knows of outweighs that another sees none.
var logRank = map[LogState]int{LogWaiting: 1, LogOpen: 2, LogOpening: 3, LogFenced: 4, LogHalted: 5, LogConflict: 6}

// dedupeLogs keeps one row per log and holder: the one that reaches furthest,
// with the gravest state.
func dedupeLogs(logs []Log) []Log {
	type key struct {
		log    commitLog
		region geo.Region
	}
	return dedupe(logs, func(l Log) key { return key{commitLog{l.Log, l.Queue, l.Origin}, l.Region} }, func(a, b Log) Log {
		newest, gravest := a, a
		if b.Last > a.Last {
			newest = b
		}
		if logRank[b.State] > logRank[a.State] {
			gravest = b
		}
		newest.State, newest.Problem = gravest.State, gravest.Problem
		newest.Opening, newest.Fenced = gravest.Opening, gravest.Fenced
		newest.fill(a)
		newest.fill(b)
		return newest
	}, func(a, b Log) int {
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Region, b.Region))
	})
}

// fill takes over what only one node of a region knows: the one that leads the log
// scrubs it, and only some see the ledger.
func (l *Log) fill(other Log) {
	if l.Scrub == nil {
		l.Scrub = other.Scrub
	}
	if l.Ledger == nil {
		l.Ledger = other.Ledger
	}
	for _, r := range other.Damaged {
		l.Damaged = l.Damaged.Add(r)
	}
	for _, r := range other.Lacking {
		l.Lacking = l.Lacking.Add(r)
	}
}

func dedupeDisks(disks []Disk) []Disk {
	if len(disks) == 0 {
		return nil
	}
	return dedupe(disks, func(d Disk) nodeID { return nodeID{d.Region, d.Node} }, func(_, b Disk) Disk { return b }, func(a, b Disk) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Node, b.Node))
	})
}

// linkRank orders what nodes of one region say about a link: whoever runs it
// knows more than those that wait or have given it up.
var linkRank = map[LinkState]int{LinkStreaming: 5, LinkHalted: 4, LinkHandshake: 3, LinkConnecting: 2, LinkWaiting: 1}

func dedupeLinks(links []Link) []Link {
	type key struct {
		log commitLog
		to  geo.Region
	}
	return dedupe(links, func(l Link) key { return key{commitLog{l.Log, l.Queue, l.Origin}, l.To} }, func(a, b Link) Link {
		if cmp.Or(cmp.Compare(linkRank[b.State], linkRank[a.State]), b.Since.Compare(a.Since)) > 0 {
			return b
		}
		return a
	}, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.To, b.To))
	})
}

// dedupe joins the rows of equal key and returns them sorted, never nil.
func dedupe[T any, K comparable](rows []T, key func(T) K, join func(a, b T) T, order func(a, b T) int) []T {
	byKey := map[K]T{}
	for _, row := range rows {
		if old, ok := byKey[key(row)]; ok {
			row = join(old, row)
		}
		byKey[key(row)] = row
	}
	out := make([]T, 0, len(byKey))
	for _, row := range byKey {
		out = append(out, row)
	}
	slices.SortFunc(out, order)
	return out
}
