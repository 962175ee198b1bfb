package opening

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"geomq/geo"
)

// stored is one region's copy of the log, the origin's included. Each entry is
// the number of the publish that made it.
type stored struct {
	region  geo.Region
	exists  bool
	first   geo.Offset
	last    geo.Offset
	table   geo.Epochs
	entries map[geo.Offset]int
	up      bool
	halted  string     // why its link stands
	deleted geo.Ranges // offsets whose entries it knows to be lost
}

func (c *stored) extent() geo.Extent {
	return geo.Extent{First: c.first, Last: c.last, Epochs: c.table}
}

func (c *stored) create(first geo.Offset, table geo.Epochs) {
	c.exists, c.first, c.last, c.table = true, first, first-1, table
	c.entries = map[geo.Offset]int{}
}

// lacking are the offsets without an entry that nothing explains.
func (c *stored) lacking() (lacking geo.Ranges) {
	explained := c.table.Skipped()
	for _, r := range c.deleted {
		explained = explained.Add(r)
	}
	for _, r := range explained.Without(geo.Range{First: c.first, Last: c.last}) {
		first := r.First
		for o := r.First; o <= r.Last; o++ {
			if _, there := c.entries[o]; there {
				lacking = lacking.Add(geo.Range{First: first, Last: o - 1})
				first = o + 1
			}
		}
		lacking = lacking.Add(geo.Range{First: first, Last: r.Last})
	}
	return lacking
}

func (c *stored) cut(first geo.Offset) {
	c.first = max(c.first, first)
	maps.DeleteFunc(c.entries, func(o geo.Offset, _ int) bool { return o < c.first })
}

func (c *stored) remove(r geo.Range) {
	maps.DeleteFunc(c.entries, func(o geo.Offset, _ int) bool { return r.Contains(o) })
}

func (c *stored) clone() *stored {
	same := *c
	same.entries = maps.Clone(c.entries)
	return &same
}

// disk is what the origin's machine has.
type disk struct {
	log     *stored
	note    Note
	settled bool       // the log was open here since anything put it in doubt
	durable geo.Offset // what a power cut leaves of the log at least
	ledger  map[geo.Offset]aside
}

// aside is an entry of the ledger.
type aside struct {
	id    int
	epoch uint64
}

func (d *disk) clone() *disk {
	same := *d
	same.log = d.log.clone()
	same.ledger = maps.Clone(d.ledger)
	return &same
}

// world is an origin, its holders, and all that was ever acknowledged.
type world struct {
	*disk
	open      bool
	holders   []*stored
	given     map[geo.Offset]int // by offset, the publish that was acknowledged there last
	published int
	image     *disk
	trimmed   geo.Offset // the origin's first offset, the highest it ever was
	// unsure says that the disk is another one or an older one, and the note with
	// it. amnesia says that offsets had to be given again because of that.
	unsure, stale, amnesia bool
	unnoticed              bool // the node takes an older image for its own disk
	brittle                bool // a pull was made to fail, so entries may be lacking
	hint                   uint64
}

func newWorld() *world {
	w := &world{disk: &disk{log: &stored{region: "us-east"}}, given: map[geo.Offset]int{}, hint: 1_700_000_000}
	for _, region := range []geo.Region{"eu-west", "ap-south", "sa-east"} {
		w.holders = append(w.holders, &stored{region: region, up: true})
	}
	return w
}

func (w *world) newest() geo.Offset {
	newest := geo.Offset(0)
	for o := range w.given {
		newest = max(newest, o)
	}
	return newest
}

// publish acknowledges n entries and rewrites the note as the origin does.
func (w *world) publish(t *rapid.T, n int) {
	for range n {
		if w.note.Ceiling < w.log.last+headroom/2 {
			w.promise()
		}
		w.log.last++
		w.published++
		if was, taken := w.given[w.log.last]; taken && !w.amnesia {
			t.Fatalf("offset %d names entry %d and entry %d", w.log.last, was, w.published)
		}
		w.given[w.log.last], w.log.entries[w.log.last] = w.published, w.published
	}
}

// headroom is that of a fast log, so that margins alone don't cover it.
const headroom = 40_000

func (w *world) promise() {
	w.note = Note{Known: true, Seen: w.log.last, Ceiling: w.log.last + headroom}
}

// follow is one session of to's link to from, as the protocol defines it, up to
// through. It says why the link halts, if it does.
func follow(t *rapid.T, w *world, to, from *stored, through geo.Offset) string {
	if !to.exists {
		to.create(from.first, from.table)
	}
	if to.table.Extends(from.table) && len(to.table) > len(from.table) {
		return "" // stale: another holder is taken
	}
	if !from.table.Extends(to.table) {
		return "epochs"
	}
	w.compare(t, to, from)
	for _, r := range from.deleted {
		to.deleted = to.deleted.Add(r)
	}
	for _, e := range from.table[len(to.table):] {
		if to.last >= e.First {
			return "epochs"
		}
		if cause := transfer(to, from, min(e.PrevEnd, through)); cause != "" {
			return cause
		}
		if through < e.PrevEnd || to.last < e.PrevEnd {
			return ""
		}
		to.remove(geo.Range{First: e.PrevEnd + 1, Last: to.last}) // to the ledger
		if to == w.log {
			w.durable = to.last // entries are on disk before a table that counts on them
		}
		to.table, to.last = from.table[:len(to.table)+1], max(to.last, e.First-1)
	}
	return transfer(to, from, min(from.last, through))
}

// transfer copies what lies behind to's end.
func transfer(to, from *stored, through geo.Offset) string {
	if through <= to.last {
		return ""
	}
	if through = min(through, from.last); from.first > to.last+1 {
		return "trimmed"
	}
	for to.last < through {
		next := to.last + 1
		for _, r := range to.holes(from.table) { // which cost nothing
			if r.Contains(next) {
				next = min(r.Last, through) + 1
			}
		}
		if to.last = next - 1; to.last == through {
			break
		}
		id, there := from.entries[next]
		if !there {
			return "gap"
		}
		to.entries[next], to.last = id, next
	}
	return ""
}

// holes are the offsets that are known to be without an entry.
func (c *stored) holes(table geo.Epochs) geo.Ranges {
	holes := table.Skipped()
	for _, r := range c.deleted {
		holes = holes.Add(r)
	}
	return holes
}

// compare holds two copies whose tables agree against each other, where both of
// them count. A difference that a link would not find is a log silently merged.
func (w *world) compare(t *rapid.T, a, b *stored) {
	for o, id := range a.entries {
		if other, both := b.entries[o]; both && other != id && a.table.At(o) == b.table.At(o) && !w.overtaken(a, b, o) {
			t.Fatalf("offset %d is entry %d in %s %s and %d in %s %s", o, id, a.region, a.table, other, b.region, b.table)
		}
	}
}

// overtaken tells whether o lies where one copy went on in an older epoch.
func (w *world) overtaken(a, b *stored, o geo.Offset) bool {
	if len(a.table) == len(b.table) {
		return false
	}
	if len(a.table) > len(b.table) {
		a, b = b, a
	}
	return o > b.table[len(a.table)].PrevEnd
}

func (w *world) holder(region geo.Region) *stored {
	return w.holders[slices.IndexFunc(w.holders, func(h *stored) bool { return h.region == region })]
}

func (w *world) facts() Facts {
	w.hint++
	f := Facts{
		Log: orders, TailSafe: w.settled, Doubt: "its machine lost power", Note: w.note,
		AskWait: time.Second, OpenWait: 30 * time.Second, Margin: MinMargin, Hint: w.hint,
	}
	f.Note.Stale = w.stale
	f.Fresh = !w.log.exists || w.log.last == 0 && !w.note.Known && !w.settled
	if !w.log.exists {
		w.log.create(1, geo.FirstEpochs())
	}
	f.Own = w.log.extent()
	for _, h := range w.holders {
		f.Others = append(f.Others, h.region)
	}
	return f
}

func (w *world) String() string {
	text := fmt.Sprintf("origin %d…%d %s note %+v settled %v unsure %v amnesia %v", w.log.first, w.log.last, w.log.table, w.note, w.settled, w.unsure, w.amnesia)
	for _, h := range w.holders {
		text += fmt.Sprintf("; %s up %v %v %d…%d %s %s", h.region, h.up, h.exists, h.first, h.last, h.table, h.halted)
	}
	return text
}
