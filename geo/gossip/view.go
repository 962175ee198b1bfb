package gossip

import (
	"maps"
	"net/netip"
	"slices"
)

// keptLives is how many ended lives a view remembers the order of.
const keptLives = 512

// life is one life of a node as heard of here.
type life struct {
	node   Node
	number uint64 // as the node says
	// rank counts up with every life that is heard of for the first time. It is
	// kept when the life ends: one that returns, after a false alarm or out of
	// somebody's stale memory, is no newer for that.
	rank  uint64
	alive bool
	addr  netip.AddrPort // of its gossip
}

// newerThan tells which of two lives of one node the view shows.
func (l life) newerThan(other life) bool {
	if l.number != other.number {
		return l.number > other.number
	}
	return l.rank > other.rank
}

// view holds the lives heard of and picks those to show. It is pure and not safe
// for concurrent use.
type view struct {
	self  Node
	lives map[string]*life // by member name, ourselves not among them
	ranks uint64
}

func newView(self Node) *view {
	return &view{self: self, lives: make(map[string]*life)}
}

// heard takes in that a life is alive, or says something new of itself.
func (v *view) heard(n Node, number uint64, addr netip.AddrPort) {
	if n.member() == v.self.member() {
		return
	}
	l, known := v.lives[n.member()]
	if !known {
		v.ranks++
		l = &life{rank: v.ranks}
		v.lives[n.member()] = l
	}
	l.node, l.number, l.addr, l.alive = n, number, addr, true
}

// ended takes in that a life is over.
func (v *view) ended(member string) {
	if l, known := v.lives[member]; known {
		l.alive = false
		v.forgetOldest()
	}
}

// forgetOldest keeps the number of ended lives bounded.
func (v *view) forgetOldest() {
	ended, oldest := 0, ""
	for member, l := range v.lives {
		if l.alive {
			continue
		}
		ended++
		if oldest == "" || l.rank < v.lives[oldest].rank {
			oldest = member
		}
	}
	if ended > keptLives {
		delete(v.lives, oldest)
	}
}

// shown is a copy of the newest living life of every node but ourselves.
func (v *view) shown() map[key]life {
	newest := make(map[key]life, len(v.lives))
	for _, l := range v.lives {
		k := l.node.key()
		if !l.alive || k == v.self.key() {
			continue
		}
		if known, ok := newest[k]; !ok || l.newerThan(known) {
			newest[k] = *l
		}
	}
	return newest
}

// nodes lists the shown lives and ourselves by region and name.
func (v *view) nodes() []Node {
	nodes := []Node{v.self}
	for l := range maps.Values(v.shown()) {
		nodes = append(nodes, l.node)
	}
	slices.SortFunc(nodes, byRegionAndName)
	return nodes
}

// otherSelves copies the living lives of our own node besides ours.
func (v *view) otherSelves() (lives []life) {
	for _, l := range v.lives {
		if l.alive && l.node.key() == v.self.key() {
			lives = append(lives, *l)
		}
	}
	return lives
}

// outbid is the life number that we need so that no older life of ours is taken
// for us: the one we have unless an older life has as high a one.
func (v *view) outbid(number uint64) uint64 {
	for _, other := range v.otherSelves() {
		if other.node.olderThan(v.self) && other.number >= number && other.number < maxLife {
			number = other.number + 1
		}
	}
	return number
}
