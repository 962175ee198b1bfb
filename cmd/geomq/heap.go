package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The garbage collector doubles the heap between collections unless told
// otherwise. For a node that rests this keeps memory that nobody uses; for one
// that copies a log at full speed it means many collections, which then take a
// tenth of its processors. So the heap may grow by more while collections follow
// each other quickly, within bounds, and by less while they don't.
const (
	// On a machine that others use too, a busy node's collections are a second
	// apart; at rest they are half a minute apart or more.
	quickCollections = time.Second
	slowCollections  = 10 * time.Second
	// leastGrowth and mostGrowth bound what the heap grows by, in percent.
	leastGrowth, usualGrowth, mostGrowth = 50, 100, 400
	// mostHeadroom bounds it in bytes, beyond usualGrowth.
	mostHeadroom = 256 << 20
)

// growth is by how many percent the heap may grow, given by how many it could
// until now, the time between the last two collections, and the bytes that are in
// use.
func growth(before int, apart time.Duration, live uint64) int {
	switch {
	case apart < quickCollections:
		before *= 2
	case apart > slowCollections:
		before /= 2
	}
	most := mostGrowth
	if live > 0 {
		most = min(most, int(mostHeadroom*100/live))
	}
	return max(min(before, max(most, usualGrowth)), leastGrowth)
}

// paceHeap lets growth decide from now on, unless the environment does (GOGC).
func paceHeap() {
	if os.Getenv("GOGC") == "" {
		p := &heapPace{percent: usualGrowth, last: time.Now(), live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
		p.await()
	}
}

// heapPace is told of collections by the runtime, one after the other.
type heapPace struct {
	percent int
	last    time.Time
	live    []metrics.Sample
}

// await leaves an object behind that the next collection finds.
func (p *heapPace) await() {
	runtime.SetFinalizer(&struct{ p *heapPace }{p}, func(*struct{ p *heapPace }) { p.collected() })
}

func (p *heapPace) collected() {
	now := time.Now()
	metrics.Read(p.live)
	next := growth(p.percent, now.Sub(p.last), p.live[0].Value.Uint64())
	if p.last = now; next != p.percent {
		p.percent = next
		debug.SetGCPercent(next)
	}
	p.await()
}
