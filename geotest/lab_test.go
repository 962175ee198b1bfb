package geotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLab is the fault lab in short: everything at once, for a few seconds.
// TestSlowLab gives every mix its time.
func TestLab(t *testing.T) {
	if testing.Short() {
		t.Skip("three regions and their faults take their time under the race detector")
	}
	mixes[len(mixes)-1].run(t, seedOf(t), 6*time.Second)
}

// healPatience is how long replicas may take to be equal after the last heal
// (I9). What a lab's few regions are behind, loopback carries in no time.
const healPatience = 30 * time.Second

// lab is one deployment under one mix of faults.
type lab struct {
	t       *testing.T
	regions *Regions
	load    *Workload
	rng     *rand.Rand
	result  *result
}

// seedOf is GEOMQ_SEED, or another one each time.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("GEOMQ_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("GEOMQ_SEED: %v", err)
		}
	}
	t.Logf("seed %d; GEOMQ_SEED=%d draws the same faults again", seed, seed)
	return seed
}

// run harms a deployment under load for at least that long, heals it, and checks
// that nothing that it promises was broken.
func (m mix) run(t *testing.T, seed uint64, duration time.Duration) {
	m.into(t, newResult(m.name, seed, duration))
}

// into does so and notes in r what came of it; r is complete when t has ended.
func (m mix) into(t *testing.T, r *result) {
	l := &lab{t: t, rng: rand.New(rand.NewPCG(r.Seed, 0)), result: r}
	duration := time.Duration(r.Seconds * float64(time.Second))
	t.Cleanup(func() { l.result.end(t) })
	l.regions = StartRegions(t, Options{CutGossip: true, PowerCuts: m.disks})
	t.Cleanup(l.tell)
	l.load = StartWorkload(t, l.regions, 400, r.Seed)
	l.recover() // what no other region has ever held can be lost with a disk, its offsets included
	m.weather(l)
	for began := time.Now(); time.Since(began) < duration && !t.Failed(); {
		l.round(m)
	}
	l.calm()
	l.load.Finish(t, healPatience)
	l.recover()
	l.fails(l.verified())
	l.judge()
}

// judge lets the checker say which promise was broken, whatever failed before.
func (l *lab) judge() {
	l.load.Excuse(l.t, l.regions)
	account, err := l.load.Judge(l.t.Context(), l.regions.ledgers(l.t))
	l.fails(err)
	l.result.account(l.load, account)
}

// fails notes what went wrong; the lab goes on.
func (l *lab) fails(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Error(err)
		l.result.Failures = append(l.result.Failures, err.Error())
	}
}

// round begins up to m.atOnce faults, one after the other, and ends them in
// another order. Half of the rounds wait until all replicas have caught up, and
// those do that had a fault which is to be alone.
func (l *lab) round(m mix) {
	var active []fault
	taken := map[string]bool{}
	alone := false
	for n := 1 + l.rng.IntN(m.atOnce); n > 0 && !alone; n-- {
		f := m.draw[l.rng.IntN(len(m.draw))](l)
		pause := l.between(0, 300*time.Millisecond)
		if taken[f.target] || f.alone && len(active) > 0 {
			continue
		}
		taken[f.target], alone = true, f.alone
		l.sleep(pause)
		f.begin()
		l.result.Faults[f.name]++
		active = append(active, f)
	}
	l.sleep(l.between(m.least, m.most))
	l.rng.Shuffle(len(active), func(i, j int) { active[i], active[j] = active[j], active[i] })
	for _, f := range active {
		f.end()
	}
	if l.rng.IntN(2) == 0 || alone {
		l.recover()
	}
}

func (l *lab) between(least, most time.Duration) time.Duration {
	return least + time.Duration(l.rng.Int64N(int64(most-least)))
}

// sleep lets the load run. A region that dies of itself meanwhile fails the test.
func (l *lab) sleep(d time.Duration) {
	l.t.Helper()
	select {
	case <-time.After(d):
	case <-l.t.Context().Done():
	}
	if err := l.regions.Failed(); err != nil {
		l.t.Fatal(err)
	}
}

// recover waits until every replica has what its origin has now.
func (l *lab) recover() {
	l.t.Helper()
	began := time.Now()
	var ends map[string]uint64
	err := within(l.t.Context(), healPatience, func(ctx context.Context) error {
		if ends == nil {
			found, err := l.load.Ends(ctx)
			if err != nil {
				return err
			}
			ends = found
		}
		return l.load.Reached(ctx, ends)
	})
	if err != nil {
		l.fails(fmt.Errorf("I9: %w", err))
	}
	l.result.recovered(time.Since(began))
}

// calm ends delays and slices.
func (l *lab) calm() {
	for _, p := range l.pairs() {
		l.regions.Delay(l.t, p[0], p[1], 0)
		l.regions.Slice(l.t, p[0], p[1], 0)
	}
}

// verified lets geomq itself compare all holders.
func (l *lab) verified() error {
	return within(l.t.Context(), healPatience, func(context.Context) error {
		out, code := Run(l.t, "verify", "--admin", l.regions.All()[0].Admin)
		if code != 0 {
			return fmt.Errorf("geomq verify exits with %d:\n%s", code, out)
		}
		return nil
	})
}

func (l *lab) pairs() [][2]string {
	var pairs [][2]string
	all := l.regions.All()
	for i, a := range all {
		for _, b := range all[i+1:] {
			pairs = append(pairs, [2]string{a.Name, b.Name})
		}
	}
	return pairs
}

// tell shows what the regions have logged where the test failed.
func (l *lab) tell() {
	if l.t.Failed() {
		l.t.Logf("faults so far: %s", l.result.told())
		l.regions.tell(l.t)
	}
}

// logsVariable names a folder for all that the regions of a failed test have
// logged; without it only the end is shown.
const logsVariable = "GEOMQ_LAB_LOGS"

func (r *Regions) tell(t testing.TB) {
	if !t.Failed() {
		return
	}
	folder := os.Getenv(logsVariable)
	for _, s := range r.sites {
		out := s.process.Output()
		if folder != "" {
			path := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.log", strings.ReplaceAll(t.Name(), "/", "-"), os.Getpid(), s.Name))
			if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
				t.Error(err)
			}
			out = out[max(0, len(out)-400):]
		}
		t.Logf("%s has logged at last:\n%s", s.Name, out[max(0, len(out)-4000):])
	}
}
