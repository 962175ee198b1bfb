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
}

// fault is one harm that is done to a target and mended again.
type fault struct {
	name, target string
	begin, end   func()
}

var mixes = []mix{
	{name: "kill -9 and restart", draw: []func(*lab) fault{kill, kill, killTwice}, atOnce: 3, least: 50 * time.Millisecond, most: 2 * time.Second, weather: fair},
	{name: "cuts", draw: []func(*lab) fault{cut(CutReset), cut(CutBlackHole), cut(CutOneWay)}, atOnce: 2,
		least: 200 * time.Millisecond, most: 5 * time.Second, weather: fair},
	{name: "stop and continue", draw: []func(*lab) fault{stop}, atOnce: 1, least: 200 * time.Millisecond, most: 8 * time.Second, weather: fair},
	{name: "everything at once", draw: []func(*lab) fault{kill, killTwice, cut(CutReset), cut(CutBlackHole), cut(CutOneWay), squeeze, stop}, atOnce: 3,
		least: 100 * time.Millisecond, most: 4 * time.Second, weather: rough},
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
	return fault{"kill", region,
		func() { l.regions.Kill(l.t, region) },
		func() { l.regions.Restart(l.t, region) }}
}

// killTwice kills a region again while it comes up.
func killTwice(l *lab) fault {
	region, after := l.anyRegion(), l.between(0, 400*time.Millisecond)
	return fault{"kill twice", region,
		func() { l.regions.Kill(l.t, region) },
		func() {
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
	return fault{"squeeze", p[0] + " and " + p[1],
		func() { l.regions.Rate(l.t, p[0], p[1], rate) },
		func() { l.regions.Rate(l.t, p[0], p[1], 0) }}
}

func stop(l *lab) fault {
	region := l.anyRegion()
	return fault{"stop", region,
		func() { l.regions.Stop(l.t, region) },
		func() { l.regions.Continue(l.t, region) }}
}

func cut(how Cut) func(*lab) fault {
	return func(l *lab) fault {
		pairs := l.pairs()
		p := pairs[l.rng.IntN(len(pairs))]
		from, to := 0, 1
		if l.rng.IntN(2) == 0 {
			from, to = to, from
		}
		return fault{string(how), p[0] + " and " + p[1],
			func() { l.regions.Cut(l.t, p[from], p[to], how) },
			func() { l.regions.Heal(l.t, p[0], p[1]) }}
	}
}

func (l *lab) anyRegion() string {
	all := l.regions.All()
	return all[l.rng.IntN(len(all))].Name
}
