package mirror

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"geomq/geo"
)

var (
	chaosSeed = flag.Uint64("chaos.seed", 0, "run only the schedule of this seed")
	chaosRuns = flag.Int("chaos.runs", 200, "how many schedules to run")
)

// TestWhateverThePathDoesTheReplicaIsTheOrigin runs random schedules of faults.
// A failure names its seed, which -chaos.seed runs again.
func TestWhateverThePathDoesTheReplicaIsTheOrigin(t *testing.T) {
	seen := map[Cause]uint64{}
	for run := range *chaosRuns {
		seed := uint64(run) + 1
		if *chaosSeed != 0 {
			seed = *chaosSeed
		}
		ok := t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { chaos(t, seed, seen) })
		if !ok || *chaosSeed != 0 {
			break
		}
	}
	t.Logf("sessions ended: %v", seen)
	for _, cause := range []Cause{CauseLost, CauseSilent, CauseDamaged, CauseSession, CauseNumber, CauseLocal} {
		if *chaosSeed == 0 && *chaosRuns >= 100 && seen[cause] == 0 {
			t.Errorf("no schedule met %s: the faults don't bite", cause)
		}
	}
}

func chaos(t *testing.T, seed uint64, seen map[Cause]uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	inWorld(t, func(w *world) { prepareChaos(w, r) }, func(w *world) {
		for range 5 + r.IntN(20) {
			misfortune(w, r)
			w.origin.publish(w.rand, r.IntN(200))
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		}
		w.net.set(func() { w.net.fault, w.net.hole, w.net.jam = nil, false, false })
		w.calm.Store(true)
		w.caughtUp()
		w.sealed()
		w.equal()
		s := w.link.Status()
		for cause, n := range s.Refused {
			seen[cause] += n
			if cause.Halts() {
				t.Errorf("%d sessions ended for %s, which no fault of the path explains: %s", n, cause, s.Reason)
			}
		}
	})
}

func prepareChaos(w *world, r *rand.Rand) {
	w.rand = r
	w.origin.publish(r, r.IntN(3*geo.BlockSize))
	w.cfg.Codec = codecs[r.IntN(len(codecs))]
	w.cfg.Credit = uint64(1000 + r.IntN(1<<18))
	w.cfg.Frame = 4096 << r.IntN(5)
	w.cfg.Heartbeat = time.Duration(50+r.IntN(500)) * time.Millisecond
	w.net.delay = time.Duration(r.IntN(60)) * time.Millisecond
	w.home.faults = memFaults{apply: time.Duration(r.IntN(3)) * time.Millisecond, ack: time.Duration(r.IntN(3)) * time.Millisecond}
	if r.IntN(2) == 0 {
		appends := rand.New(rand.NewPCG(r.Uint64(), 1))
		w.home.faults.refuse = func() bool { return appends.IntN(20) == 0 && !w.calm.Load() }
	}
}

// misfortune changes what the path does from now on.
func misfortune(w *world, r *rand.Rand) {
	switch r.IntN(8) {
	case 0:
		w.net.cutAll()
	case 1:
		w.restartLink()
	case 2:
		w.net.set(func() { w.net.hole = !w.net.hole })
	case 3:
		w.net.set(func() { w.net.jam = !w.net.jam })
	case 4:
		w.net.set(func() { w.net.fault, w.net.hole, w.net.jam = nil, false, false })
	default:
		what, one, messages := fault(r.IntN(int(faults))), 2+r.IntN(20), rand.New(rand.NewPCG(r.Uint64(), 2))
		w.net.set(func() {
			w.net.fault = func(bool, []byte) fault {
				if messages.IntN(one) == 0 {
					return what
				}
				return pass
			}
		})
	}
}
