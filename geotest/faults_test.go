package geotest

import "time"

// mix is what a lab draws its faults from.
type mix struct {
	name string
	draw []func(*lab) fault
	// atOnce is how many faults one round may have, least and most for how long
	// they last together.
	atOnce      int
	least, most time.Duration
	weather     func(*lab)
	// disks says that disks are harmed, too.
	disks bool
}

// fault is one harm that is done to a target and mended again.
type fault struct {
	name, target string
	begin, end   func()
	// alone is one that no other may accompany, and after which all replicas must
	// have caught up before the next: it takes so much that two could take all.
	alone bool
}

// mixes are what TestSlowLab and TestSlowCampaign go through. The last one is
// TestLab's.
var mixes = []mix{
	{name: "kill -9 and restart", atOnce: 3, least: 50 * time.Millisecond, most: 2 * time.Second, weather: fair,
		draw: []func(*lab) fault{kill, kill, killTwice}},
	{name: "cuts", atOnce: 2, least: 200 * time.Millisecond, most: 5 * time.Second, weather: fair,
		draw: []func(*lab) fault{cut(CutReset), cut(CutBlackHole), cut(CutOneWay), cut(CutHalfOpen)}},
	{name: "stop and continue", atOnce: 1, least: 200 * time.Millisecond, most: 8 * time.Second, weather: fair,
		draw: []func(*lab) fault{stop}},
	{name: "bad weather", atOnce: 3, least: 100 * time.Millisecond, most: 4 * time.Second, weather: rough,
		draw: []func(*lab) fault{squeeze, lag, kill, killTwice, stop, cut(CutReset), cut(CutBlackHole), cut(CutOneWay), cut(CutHalfOpen)}},
	{name: "power cuts and disk images", atOnce: 2, least: 100 * time.Millisecond, most: 3 * time.Second, weather: fair, disks: true,
		draw: []func(*lab) fault{powerCut, powerCut, powerCut, powerCutEverywhere, oldImage, wipe}},
	{name: "everything at once", atOnce: 3, least: 100 * time.Millisecond, most: 4 * time.Second, weather: rough, disks: true,
		draw: []func(*lab) fault{kill, killTwice, stop, squeeze, lag, cut(CutReset), cut(CutBlackHole), cut(CutOneWay), cut(CutHalfOpen), powerCut, powerCut, powerCutEverywhere, oldImage, wipe}},
}

func fair(*lab) {}

// rough gives each path its own delay, and slices what passes.
func rough(l *lab) {
	for _, p := range l.pairs() {
		l.regions.Delay(l.t, p[0], p[1], l.between(time.Millisecond, 40*time.Millisecond))
		l.regions.Slice(l.t, p[0], p[1], 500+l.rng.IntN(3000))
	}
}

func kill(l *lab) fault {
	region := l.anyRegion()
	return fault{name: "kill", target: region,
		begin: func() { l.regions.Kill(l.t, region) },
		end:   func() { l.regions.Restart(l.t, region) }}
}

// killTwice kills a region again while it comes up.
func killTwice(l *lab) fault {
	region, after := l.anyRegion(), l.between(0, 400*time.Millisecond)
	return fault{name: "kill twice", target: region,
		begin: func() { l.regions.Kill(l.t, region) },
		end: func() {
			l.regions.Launch(l.t, region)
			l.sleep(after)
			l.regions.Kill(l.t, region)
			l.regions.Restart(l.t, region)
		}}
}

// squeeze leaves a path less than its logs need, so that replicas fall behind.
func squeeze(l *lab) fault {
	pairs := l.pairs()
	p, rate := pairs[l.rng.IntN(len(pairs))], 20_000+l.rng.IntN(100_000)
	return fault{name: "squeeze", target: p[0] + " and " + p[1],
		begin: func() { l.regions.Rate(l.t, p[0], p[1], rate) },
		end:   func() { l.regions.Rate(l.t, p[0], p[1], 0) }}
}

// lag makes a path long for a while, as another route does.
func lag(l *lab) fault {
	pairs := l.pairs()
	p, delay := pairs[l.rng.IntN(len(pairs))], l.between(50*time.Millisecond, 400*time.Millisecond)
	return fault{name: "lag", target: p[0] + " and " + p[1],
		begin: func() { l.regions.Delay(l.t, p[0], p[1], delay) },
		end:   func() { l.regions.Delay(l.t, p[0], p[1], time.Millisecond) }}
}

func stop(l *lab) fault {
	region := l.anyRegion()
	return fault{name: "stop", target: region,
		begin: func() { l.regions.Stop(l.t, region) },
		end:   func() { l.regions.Continue(l.t, region) }}
}

func cut(how Cut) func(*lab) fault {
	return func(l *lab) fault {
		pairs := l.pairs()
		p := pairs[l.rng.IntN(len(pairs))]
		from, to := 0, 1
		if l.rng.IntN(2) == 0 {
			from, to = to, from
		}
		return fault{name: string(how), target: p[0] + " and " + p[1],
			begin: func() { l.regions.Cut(l.t, p[from], p[to], how) },
			end:   func() { l.regions.Heal(l.t, p[0], p[1]) }}
	}
}

func (l *lab) anyRegion() string {
	all := l.regions.All()
	return all[l.rng.IntN(len(all))].Name
}
