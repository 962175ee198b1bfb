package mirror

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"geomq/geo"
)

// world is an origin in us-east with its Sealer, and a Link that pulls its log
// into eu-west: everything of the product but broker and network.
type world struct {
	t      *testing.T
	rand   *rand.Rand
	origin *memLog
	holder *memCluster
	home   *memCluster // the sink's
	net    *memNet
	sealer *Sealer
	link   *Link
	cfg    LinkConfig
	log    bytes.Buffer
	logMu  sync.Mutex
	calm   atomic.Bool // no more faults

	stopLink, stopAll func()
	stopSealer        func()
	sealers           context.Context
	linkDone          chan struct{}
	group             sync.WaitGroup
}

func (w *world) Write(p []byte) (int, error) {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.log.Write(p)
}

// inWorld runs test in fake time. A goroutine that outlives it fails the test.
func inWorld(t *testing.T, setup func(*world), test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if setup != nil {
			setup(w)
		}
		w.start()
		test(w)
		w.close()
		for _, log := range []*memLog{w.origin, w.replica()} {
			if log != nil && log.broken != "" {
				t.Error(log.broken)
			}
		}
		if t.Failed() {
			io.Copy(os.Stderr, &w.log)
		}
	})
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(1, 2)), origin: newMemLog(1), home: &memCluster{}}
	logger := slog.New(slog.NewTextHandler(w, nil))
	ctx, cancel := context.WithCancel(context.Background())
	w.stopAll = cancel
	w.holder = &memCluster{log: w.origin}
	w.net = &memNet{ctx: ctx, sources: &Sources{Region: "us-east", Holder: w.holder, Log: logger}}
	w.sealer = &Sealer{ID: ordersLog, Log: w.origin, Logger: logger}
	w.cfg = LinkConfig{Log: ordersLog, Holders: []geo.Region{"us-east"}, To: "eu-west", Dialer: w.net, Replicas: w.home,
		Credit: 1 << 20, Frame: 64 << 10, Codec: Zstd, Heartbeat: time.Second, Logger: logger}
	return w
}

func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	stop := w.stopAll
	w.stopAll = func() { cancel(); stop() }
	w.sealers = ctx
	w.startSealer()
	w.startLink()
}

func (w *world) startSealer() {
	ctx, cancel := context.WithCancel(w.sealers)
	done := make(chan struct{})
	w.stopSealer = func() { cancel(); <-done }
	w.group.Go(func() {
		defer close(done)
		w.sealer.Run(ctx)
	})
}

func (w *world) startLink() {
	ctx, cancel := context.WithCancel(context.Background())
	w.link, w.stopLink, w.linkDone = NewLink(w.cfg), cancel, make(chan struct{})
	done := w.linkDone
	go func() {
		defer close(done)
		if err := w.link.Run(ctx); err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}()
}

// restartLink is what a restart of the sink's node is to a link.
func (w *world) restartLink() {
	w.stopLink()
	<-w.linkDone
	w.startLink()
}

func (w *world) close() {
	w.stopLink()
	<-w.linkDone
	w.stopAll()
	w.group.Wait()
	w.net.group.Wait()
}

func (w *world) replica() *memLog { return w.home.held() }

// within waits until done says nothing, looking each millisecond of fake time.
func (w *world) within(limit time.Duration, done func() string) {
	w.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		problem := done()
		if problem == "" {
			return
		}
		if time.Now().After(end) {
			s := w.link.Status()
			w.t.Errorf("after %s: %s; link %s: %s %s, refused %v", limit, problem, s.State, s.Cause, s.Reason, s.Refused)
			return
		}
	}
}

// behind says how far the replica is behind its origin, or nothing.
func (w *world) behind() string {
	r := w.replica()
	if r == nil {
		return "there is no replica"
	}
	if at, end := r.end(), w.origin.end(); at != end {
		return fmt.Sprintf("the replica ends at %d, the origin at %d", at, end)
	}
	return ""
}

func (w *world) caughtUp() { w.t.Helper(); w.within(30*time.Second, w.behind) }

// sealed waits until the replica has proved all seals of the origin.
func (w *world) sealed() {
	w.t.Helper()
	w.within(10*time.Second, func() string {
		want, got := len(w.origin.copySeals()), len(w.replica().copySeals())
		if whole := int(w.origin.end() / geo.BlockSize); want < whole || got < want {
			return fmt.Sprintf("%d blocks proved, %d sealed, %d whole", got, want, whole)
		}
		return ""
	})
}

func (l *memLog) copySeals() []geo.Seal {
	seals, _ := l.Seals(context.Background(), 0, 100)
	return seals
}

// equal compares the two logs entry by entry.
func (w *world) equal() {
	w.t.Helper()
	r := w.replica()
	for o := max(w.origin.start(), r.start()); o <= w.origin.end(); o++ {
		a, b := w.origin.at(o), r.at(o)
		if !sameEntry(&a, &b) {
			w.t.Fatalf("offset %d: the replica has %+v, the origin %+v", o, b, a)
		}
	}
}

// halted waits for the link to halt and returns its status.
func (w *world) halted(cause Cause) LinkStatus {
	w.t.Helper()
	w.within(10*time.Second, func() string {
		if s := w.link.Status(); s.State != StateHalted || s.Cause != cause {
			return fmt.Sprintf("want halted for %s", cause)
		}
		return ""
	})
	return w.link.Status()
}
