package vote

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"geomq/geo"
	"geomq/geo/lease"
)

const (
	theLog   = "ORDERS@us-east"
	theTopic = Target("master/ORDERS@us-east")
	// ahead is for how many offsets a master asks beyond those it has used.
	ahead = 300
)

var terms = lease.Terms{Length: time.Second, Drift: 0.05}

// world is a number of parties, their disks, clocks and paths, in a time of its
// own. Everything that happens is drawn from one seed.
type world struct {
	rand  *rand.Rand
	now   time.Duration // true time, which no party knows
	queue moments
	count int
	nodes []*node
	cut   map[[2]Party]bool // paths that lose everything, by sender and receiver
	calm  bool              // no message is lost or slow
	swift bool              // everything that is done takes next to no time
	lives uint64

	newest  geo.Offset       // the last offset that was ever given to an entry
	winners map[uint64]Party // of terms
	trace   []string
	failed  string
	served  int // how many terms served
	changed int // configurations taken up
}

type moment struct {
	at    time.Duration
	order int
	do    func()
}

type moments []moment

func (q moments) Len() int { return len(q) }
func (q moments) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q moments) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *moments) Push(x any)   { *q = append(*q, x.(moment)) }
func (q *moments) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// node is a party: what its disk has outlives its process.
type node struct {
	w       *world
	name    Party
	initial Voters
	holders []Party
	rate    float64
	zero    time.Duration // what its clock showed at true time 0

	disk  []Record // the control log
	table geo.Epochs
	end   geo.Offset

	// Of the process.
	machine   *Machine
	life      uint64
	asleep    bool
	backlog   []Event
	read      map[Party]int // how much of the others' control logs
	until     time.Duration // the Guard
	reaches   []Reach
	asked     geo.Offset // the offsets asked for last
	opening   Term
	serves    Term
	lastWrite time.Duration
}

func newWorld(seed uint64, names []Party, voters, holders int) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), cut: map[[2]Party]bool{}, winners: map[uint64]Party{}}
	w.swift = w.rand.IntN(4) == 0
	first := FirstVoters(names[:voters]...)
	keep := slices.Clone(names)
	w.rand.Shuffle(len(keep), func(i, j int) { keep[i], keep[j] = keep[j], keep[i] })
	for _, name := range names {
		n := &node{w: w, name: name, initial: first, holders: sorted(keep[:holders]), table: geo.FirstEpochs()}
		n.rate = 1 + terms.Drift*(2*w.rand.Float64()-1)
		if w.rand.IntN(2) == 0 { // the worst there may be
			n.rate = 1 + terms.Drift*float64(2*w.rand.IntN(2)-1)
		}
		n.zero = w.span(0, 100*time.Hour)
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		n.start()
		w.after(w.span(0, 50*time.Millisecond), n.tick)
		w.after(w.span(0, 200*time.Millisecond), n.beat)
		w.after(w.span(0, 150*time.Millisecond), n.poll)
		w.after(w.span(0, 20*time.Millisecond), n.work)
	}
	return w
}

func (w *world) span(from, to time.Duration) time.Duration {
	return from + time.Duration(w.rand.Int64N(int64(to-from)+1))
}

// takes is a time that something takes: rarely as long as it may, or next to none.
func (w *world) takes(upTo time.Duration) time.Duration {
	if w.swift {
		upTo /= 20
	}
	return w.span(0, upTo)
}

func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.queue, moment{w.now + d, w.count, do})
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for w.failed == "" && len(w.queue) > 0 && w.queue[0].at <= end {
		next := heap.Pop(&w.queue).(moment)
		w.now = next.at
		next.do()
	}
	w.now = end
}

func (w *world) say(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%9v ", w.now.Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf("at %v: ", w.now) + fmt.Sprintf(format, args...)
	}
}

// open tells whether a message gets through.
func (w *world) open(from, to Party) bool { return !w.cut[[2]Party{from, to}] }

// send carries a message straight from one node to another, or loses it, or
// brings it twice.
func (w *world) send(from, to Party, event Event) {
	times := 1
	if !w.calm {
		times = []int{0, 1, 1, 1, 1, 1, 2}[w.rand.IntN(7)]
	}
	for range times {
		delay := w.takes(30 * time.Millisecond)
		if !w.calm && w.rand.IntN(20) == 0 {
			delay = w.span(0, 3*time.Second)
		}
		if w.open(from, to) {
			w.after(delay, func() { w.node(to).step(event) })
		}
	}
}

func (w *world) node(name Party) *node {
	return w.nodes[slices.IndexFunc(w.nodes, func(n *node) bool { return n.name == name })]
}

// clock is what the node's clock shows.
func (n *node) clock() time.Duration { return n.zero + time.Duration(float64(n.w.now)*n.rate) }

// valid is the Guard's word.
func (n *node) valid() bool { return n.machine != nil && n.clock() < n.until }

func (n *node) start() {
	w := n.w
	w.lives++
	n.life, n.read, n.until, n.asleep, n.backlog = w.lives, map[Party]int{}, 0, false, nil
	cfg := Config{
		Self: n.name, Target: theTopic, Voters: n.initial, Logs: []string{theLog}, Holders: n.holders, Lease: terms,
		Started: n.clock(), Life: n.life, Silence: 600 * time.Millisecond, Patience: 800 * time.Millisecond, Margin: 20_000,
	}
	machine, err := New(cfg, n.kept())
	if err != nil {
		w.fail("%s: %v", n.name, err)
	}
	n.machine = machine
}

// kept is what the control log holds: the last record of each key, or some of the
// others besides.
func (n *node) kept() (records []Record) {
	for i, r := range n.disk {
		if !n.replaced(i) || n.w.rand.IntN(2) == 0 {
			records = append(records, r)
		}
	}
	return records
}

func (n *node) replaced(i int) bool {
	return slices.ContainsFunc(n.disk[i+1:], func(r Record) bool { return r.Kind == n.disk[i].Kind })
}

// crash ends the process: what was not on disk is gone.
func (n *node) crash() {
	n.w.say("%s crashes", n.name)
	n.machine, n.until, n.life = nil, 0, 0
}

// sleep stops the process, or the machine, for a while; its clock goes on.
func (n *node) sleep(d time.Duration) {
	life := n.life
	n.asleep = true
	n.w.say("%s sleeps for %v", n.name, d)
	n.w.after(d, func() {
		if n.life != life {
			return
		}
		n.asleep = false
		n.w.say("%s wakes", n.name)
		n.produce() // before anything else gets its turn
		for _, e := range n.backlog {
			n.step(e)
		}
		n.backlog = nil
	})
}

func (n *node) tick() {
	n.step(Tick{})
	n.w.after(10*time.Millisecond+n.w.takes(80*time.Millisecond), n.tick)
}

func (n *node) beat() {
	if n.machine != nil && !n.asleep {
		for _, to := range n.w.nodes {
			if to != n {
				n.w.send(n.name, to.name, Heard{From: n.name})
			}
		}
	}
	n.w.after(200*time.Millisecond, n.beat)
}

// poll reads what has come of the other control logs.
func (n *node) poll() {
	for _, from := range n.w.nodes {
		if from == n || n.machine == nil || n.asleep || !n.w.open(from.name, n.name) {
			continue
		}
		at := n.read[from.name]
		if at > 0 && n.w.rand.IntN(10) == 0 {
			at = n.w.rand.IntN(at) // a reader that begins again
		}
		to := len(from.disk)
		if !n.w.calm && n.w.rand.IntN(3) == 0 && to > at {
			to = at + n.w.rand.IntN(to-at+1)
		}
		for i := at; i < to; i++ {
			if !from.replaced(i) || n.w.rand.IntN(2) == 0 {
				n.step(Read{From: from.name, Record: from.disk[i]})
			}
		}
		n.read[from.name] = max(n.read[from.name], to)
	}
	n.w.after(10*time.Millisecond+n.w.takes(200*time.Millisecond), n.poll)
}

// wire is what comes of a record through a control log.
func wire(r Record) Record {
	b, err := r.Encode()
	if err != nil {
		panic(err)
	}
	r, err = Decode(b)
	if err != nil {
		panic(err)
	}
	return r
}

func (n *node) step(e Event) {
	switch {
	case n.machine == nil || n.w.failed != "":
	case n.asleep:
		if len(n.backlog) < 500 {
			n.backlog = append(n.backlog, e)
		}
	default:
		for _, a := range n.machine.Step(n.clock(), e) {
			n.carryOut(a)
		}
	}
}
