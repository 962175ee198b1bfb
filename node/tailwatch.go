package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"geomq/geo"
)

// The ends of open logs are looked at so often that none outruns what its note
// promises. Right after a look the ceiling lies at least 25,000 offsets above a
// log's end (half of the least headroom), and an epoch after a lost tail begins
// margin, 50,000, behind the ceiling. So 75,000 entries may be acknowledged before
// the next note is on the disk, by a log that was at rest and had never been
// faster than 8,000 entries per second; one that had been has 1.5 s at its highest
// rate instead, and the same margin.
//
// To ask for each log's end costs as much idle as busy. What the whole account has
// taken in is one number, and no log grows by more than it does: while that has
// grown by no more than unseen, no log is asked. The worst case is a log at rest
// that suddenly takes all that a server can, 300,000 entries per second. It may
// have grown by unseen, 3,000, since the last look, and by as much again between
// each of the two looks before, since a look at rest goes by what somebody else saw
// up to 2 s ago. It grows by 30,000 within the tailPulse that ends with the number
// that gives it away. That leaves 36,000, 120 ms, for this reading, the look and
// the writing of the note. In a cluster, where producers are at other servers too,
// every pulse is a look: 45,000 in between leave 30,000, 100 ms.
const (
	tailPulse        = 100 * time.Millisecond
	clusterTailPulse = 150 * time.Millisecond
	// unseen is how many messages the account may take in between two looks.
	unseen = 3_000
	// tailRest is after how long there is a look anyway, though not at logs that
	// somebody else, as the source of a link does, has looked at in the last two.
	// Sealers go by it.
	tailRest = time.Second
	// rateSpan is the longest over which a rate is taken: growth that was seen late
	// may have come in a moment.
	rateSpan = tailRest / 4
	// tailPatience bounds one reading of the account's number.
	tailPatience = time.Second
)

// watchTails keeps the notes of this region's open logs ahead of them.
func (n *Node) watchTails(ctx context.Context) {
	pulse := tailPulse
	if n.clustered() {
		pulse = clusterTailPulse
	}
	watch := tailWatch{node: n, at: time.Now()}
	defer watch.looking.Wait()
	for sleep(ctx, pulse) {
		if why := watch.due(n.takenIn(ctx)); why != notDue {
			watch.look(ctx, why)
		}
	}
}

// due is why a look is due.
type due int

const (
	notDue due = iota
	restDue
	motionDue
)

// tailWatch decides when to look at the ends of logs.
type tailWatch struct {
	node    *Node
	at      time.Time   // of the last look
	count   uint64      // what had been taken in just before it
	again   atomic.Bool // it saw a log that grew, or not all logs
	failed  atomic.Bool // the last note could not be written
	looking sync.WaitGroup
}

// due tells whether it is time for a look, from what the account has taken in so
// far. What a stream has taken in may not be in it yet, so after a look that saw
// growth there is always another one.
func (w *tailWatch) due(count uint64, err error) due {
	now := time.Now()
	why := notDue
	switch again := w.again.Swap(false); {
	case err != nil || again || count < w.count || count-w.count > unseen:
		why = motionDue
	case now.Sub(w.at) >= tailRest:
		why = restDue
	default:
		return notDue
	}
	w.at, w.count = now, count
	return why
}

// look writes down where the open logs end. A log whose broker does not answer
// keeps nobody waiting: it is passed over until that question is through.
func (w *tailWatch) look(ctx context.Context, why due) {
	for _, d := range w.node.duties {
		if !d.isOrigin() || !d.opened() { // a note says that the log was ever open here
			continue
		}
		if extent, ok := d.tail.seen(2 * tailRest); ok && why == restDue {
			w.tell(w.note(d, extent))
			continue
		}
		if !d.tail.busy.CompareAndSwap(false, true) {
			w.again.Store(true)
			continue
		}
		w.looking.Go(func() {
			defer d.tail.busy.Store(false)
			extent, err := d.heldLog().Extent(ctx)
			if err != nil {
				w.again.Store(true)
				return
			}
			w.tell(w.note(d, extent))
		})
	}
}

func (w *tailWatch) note(d *duty, extent geo.Extent) error {
	grown, rate := d.tail.note(extent.Last, time.Now())
	if grown > unseen {
		w.again.Store(true)
	}
	return w.node.tails.notes.Seen(d.id.Stream(), extent.Last, rate)
}

func (w *tailWatch) tell(err error) {
	if was := w.failed.Swap(err != nil); err != nil && !was {
		w.node.log.Error("could not write down how far a log is; after a power cut more of its offsets may be in doubt", "error", err)
	}
}

// tail is what is known of an open log's end.
type tail struct {
	busy atomic.Bool // the watch looks

	mu     sync.Mutex // guards what follows
	at     time.Time  // when somebody saw extent
	extent geo.Extent
	noted  time.Time // when the watch went by end; zero: never
	end    geo.Offset
	left   string // what the opening has left undone, for people
}

// see takes note of the log's extent, whoever has asked for it. at is from before
// it was asked for.
func (t *tail) see(extent geo.Extent, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.After(t.at) {
		t.at, t.extent = at, extent
	}
}

// seen is the extent as it was seen last; false where it is older than that.
func (t *tail) seen(age time.Duration) (geo.Extent, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.extent, time.Since(t.at) <= age
}

// note tells by how much the log has grown since the call before, and by how much
// in a second.
func (t *tail) note(end geo.Offset, now time.Time) (grown, rate uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.noted.IsZero() && end > t.end {
		grown = uint64(end - t.end)
		rate = uint64(float64(grown) / min(max(now.Sub(t.noted), time.Millisecond), rateSpan).Seconds())
	}
	t.noted, t.end = now, end
	return grown, rate
}

// forget says that the log is not open any more.
func (t *tail) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.extent, t.noted, t.end, t.left = time.Time{}, geo.Extent{}, time.Time{}, 0, ""
}

// tailOf is what is known of the end of a log of this region, nil for others'.
func (n *Node) tailOf(id geo.CommitLog) *tail {
	for _, d := range n.duties {
		if d.id == id && d.isOrigin() {
			return &d.tail
		}
	}
	return nil
}

// errCluster says that what this server's clients send is not all there is.
var errCluster = errors.New("other servers take entries in, too")

// takenIn is how many messages the account of the logs has taken in from clients
// since its server started.
func (n *Node) takenIn(ctx context.Context) (uint64, error) {
	if n.clustered() {
		return 0, errCluster
	}
	ctx, cancel := context.WithTimeout(ctx, tailPatience)
	defer cancel()
	answer, err := n.broker.Conn().RequestWithContext(ctx, "$SYS.REQ.ACCOUNT.PING.STATZ", nil)
	if err != nil {
		return 0, err
	}
	return decodeTakenIn(answer.Data)
}

func decodeTakenIn(data []byte) (uint64, error) {
	var response struct {
		Data struct {
			Accounts []struct {
				Received struct {
					Messages *uint64 `json:"msgs"`
				} `json:"received"`
			} `json:"account_statz"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &response); err != nil {
		return 0, err
	}
	accounts := response.Data.Accounts
	if len(accounts) != 1 || accounts[0].Received.Messages == nil {
		return 0, fmt.Errorf("the server does not say what its account has taken in: %s", data)
	}
	return *accounts[0].Received.Messages, nil
}
