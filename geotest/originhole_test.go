package geotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
)

// A log whose entries are large fills a block file of JetStream with some eighty of
// them. After a power cut the file of an older block may be short where that of a
// newer one is there: the log has a hole in its middle.
const (
	holeBody = 100 << 10
	holeKey  = "hole-%d"
)

// fill publishes the entries from first to last at us-east, large ones.
func fill(t *testing.T, r *Regions, h *History, first, last int) {
	t.Helper()
	js := connect(t, r.site(t, "us-east").Region)
	bodies := rand.NewChaCha8([32]byte{byte(first), byte(first >> 8)})
	for i := first; i <= last; i++ {
		m := nats.NewMsg("orders.created.1")
		m.Data = make([]byte, holeBody)
		bodies.Read(m.Data) // nothing that compression could shrink
		key := fmt.Sprintf(holeKey, i)
		m.Header.Set(nats.MsgIdHdr, key)
		h.Sent(key)
		ack, err := js.PublishMsg(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		h.Acked(key, ack.Sequence)
	}
}

// punch takes the power from us-east's machine, whose disk then lacks the end of the
// log's first block file and what of the log is told by an index, and nothing else.
func punch(t *testing.T, r *Regions, h *History) {
	t.Helper()
	r.Kill(t, "us-east")
	data := r.site(t, "us-east").data
	msgs := filepath.Join(data, "jetstream", "APP", "streams", stream("us-east"), "msgs")
	blocks, err := filepath.Glob(filepath.Join(msgs, "*.blk"))
	if err != nil || len(blocks) < 3 {
		t.Fatalf("the log has the blocks %v: %v", blocks, err)
	}
	oldest := filepath.Join(msgs, "1.blk")
	info, err := os.Stat(oldest)
	if err == nil {
		err = os.Truncate(oldest, info.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := gone(os.Remove(filepath.Join(msgs, "index.db"))); err != nil {
		t.Fatal(err)
	}
	if err := reboot(data); err != nil {
		t.Fatal(err)
	}
	h.Harmed("us-east", time.Time{})
}

// equal waits until every region holds the same entries, n of them, and judges them.
func equal(t *testing.T, r *Regions, h *History, n int, holes geo.Ranges) Account {
	t.Helper()
	var account Account
	Await(t, 40*time.Second, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		var holdings []Holding
		for _, region := range r.All() {
			holding, err := h.Hold(ctx, region, stream("us-east"))
			if err == nil && len(holding.Entries) != n {
				err = fmt.Errorf("%s holds %d entries, not %d; links: %s", region.Name, len(holding.Entries), n, r.linksOf(t, region.Name))
			}
			if err != nil {
				return err
			}
			if len(holding.Epochs) < 2 {
				return fmt.Errorf("the epochs are %s in %s", holding.Epochs, region.Name)
			}
			holdings = append(holdings, holding)
		}
		var err error
		account, err = h.Judge(holdings, Terms{Holes: holes, Ledger: r.ledgers(t)["us-east"]})
		return err
	})
	verified(t, r)
	return account
}

func (r *Regions) linksOf(t *testing.T, region string) string {
	var texts []string
	links, _ := r.Links(t, region)
	for _, l := range links {
		texts = append(texts, fmt.Sprintf("%s from %s: %s %s %s", l.Origin, l.From, l.State, l.Cause, l.Reason))
	}
	return strings.Join(texts, "; ")
}

func holeHistory() *History {
	h := NewHistory()
	h.Origin = "us-east"
	return h
}

// The replicas have everything: the origin's log is made anew from them, and goes on
// in a new epoch with nothing lost.
func TestAnOriginWithAHoleIsMadeAnewFromItsReplicas(t *testing.T) {
	r := StartRegions(t, Options{})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 240)
	for _, region := range r.All() {
		holds(t, r, h, region.Name, 240)
	}
	punch(t, r, h)
	r.Restart(t, "us-east")
	fill(t, r, h, 241, 260)
	if a := equal(t, r, h, 260, nil); a.Nowhere.Len() > 0 || a.Ledger > 0 {
		t.Errorf("%+v", a)
	}
}

// The replica has what the origin lacks, but not its end, which is put back behind.
func TestAnOriginMadeAnewKeepsWhatItHasAlone(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 150)
	holds(t, r, h, "eu-west", 150)
	r.Kill(t, "eu-west")
	fill(t, r, h, 151, 260)
	punch(t, r, h)
	r.Launch(t, "us-east")
	r.Restart(t, "eu-west")
	r.site(t, "us-east").awaitReady(t)
	fill(t, r, h, 261, 270)
	if a := equal(t, r, h, 270, nil); a.Nowhere.Len() > 0 {
		t.Errorf("%+v", a)
	}
}

// Nobody has what the origin lacks: that is recorded, told, and links go on.
func TestAHoleOfAnOriginThatNobodyCanFill(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 10)
	holds(t, r, h, "eu-west", 10)
	r.Kill(t, "eu-west")
	fill(t, r, h, 11, 240)
	punch(t, r, h)
	r.Launch(t, "us-east")
	r.Restart(t, "eu-west")
	r.site(t, "us-east").awaitReady(t)
	holding, err := holeHistory().Hold(t.Context(), r.site(t, "us-east").Region, stream("us-east"))
	if err != nil {
		t.Fatal(err)
	}
	left := map[uint64]bool{}
	for _, e := range holding.Entries {
		left[e.Offset] = true
	}
	var nowhere []uint64
	for o := uint64(1); o <= 240; o++ {
		if !left[o] {
			nowhere = append(nowhere, o)
		}
	}
	if len(nowhere) == 0 {
		t.Fatal("the disk has no hole")
	}
	holes := ranges(nowhere)
	fill(t, r, h, 241, 250)
	account := equal(t, r, h, 250-len(nowhere), holes)
	if account.Nowhere.Len() != uint64(len(nowhere)) {
		t.Errorf("%d are nowhere, and %d are counted", len(nowhere), account.Nowhere.Len())
	}
	out, _ := Run(t, "events", "--admin", r.All()[0].Admin)
	if told := offsetsWrittenOff(out)["us-east"]; !slices.Equal(told, holes) {
		t.Errorf("events tell of %v, lost are %v:\n%s", told, holes, out)
	}
}

// The origin is killed while its log is being made anew, and again: it ends in the
// same place.
func TestAnOriginIsKilledWhileItIsMadeAnew(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 180)
	holds(t, r, h, "eu-west", 180)
	r.Kill(t, "eu-west")
	fill(t, r, h, 181, 240)
	punch(t, r, h)
	r.Rate(t, "eu-west", "us-east", 2<<20)
	r.Rate(t, "us-east", "eu-west", 2<<20)
	r.Launch(t, "us-east")
	r.Restart(t, "eu-west")
	for range 2 {
		Await(t, 30*time.Second, func(ctx context.Context) error {
			holding, err := holeHistory().Hold(ctx, r.site(t, "us-east").Region, stream("us-east"))
			if n := len(holding.Entries); err == nil && (n == 0 || n > 175) {
				err = fmt.Errorf("us-east holds %d entries", n)
			}
			return err
		})
		r.Kill(t, "us-east")
		r.Launch(t, "us-east")
	}
	r.Rate(t, "eu-west", "us-east", 0)
	r.Rate(t, "us-east", "eu-west", 0)
	r.site(t, "us-east").awaitReady(t)
	fill(t, r, h, 241, 250)
	if a := equal(t, r, h, 250, nil); a.Nowhere.Len() > 0 {
		t.Errorf("%+v", a)
	}
}

// The region that has what the origin lacks is away: the log opens with the hole, says
// so, and is mended when the origin starts again and can ask it.
func TestAHoleIsLeftWhileNobodyTells(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 240)
	holds(t, r, h, "eu-west", 240)
	r.Kill(t, "eu-west")
	punch(t, r, h)
	r.Restart(t, "us-east")
	fill(t, r, h, 241, 245)
	out, _ := Run(t, "status", "--admin", r.All()[0].Admin)
	if !strings.Contains(out, "are lacking") || !strings.Contains(out, "eu-west") {
		t.Errorf("the status does not tell of the hole:\n%s", out)
	}
	r.Restart(t, "eu-west")
	r.Kill(t, "us-east")
	r.Restart(t, "us-east")
	fill(t, r, h, 246, 250)
	if a := equal(t, r, h, 250, nil); a.Nowhere.Len() > 0 {
		t.Errorf("%+v", a)
	}
}
