package geotest

import "time"

// powerCut takes the power from one machine.
func powerCut(l *lab) fault {
	region := l.anyRegion()
	var since time.Time
	return fault{name: "power cut", target: region,
		begin: func() { since = l.regions.PowerCut(l.t, l.rng, region) },
		end: func() {
			l.load.Harmed(region, since)
			l.regions.Restart(l.t, region)
		}}
}

// powerCutEverywhere takes it from all machines at once.
func powerCutEverywhere(l *lab) fault {
	var names []string
	for _, r := range l.regions.All() {
		names = append(names, r.Name)
	}
	var since time.Time
	return fault{name: "power cut everywhere", alone: true,
		begin: func() { since = l.regions.PowerCut(l.t, l.rng, names...) },
		end: func() {
			for _, name := range names {
				l.load.Harmed(name, since)
				l.regions.Launch(l.t, name)
			}
			for _, name := range names {
				l.regions.site(l.t, name).awaitReady(l.t)
			}
		}}
}

// oldImage takes an image of a region's disk, and puts it back when some time has
// passed.
func oldImage(l *lab) fault {
	region := l.anyRegion()
	var image *Image
	return fault{name: "old image", target: region, alone: true,
		begin: func() { image = l.regions.Image(l.t, region) },
		end: func() {
			l.regions.Kill(l.t, region)
			l.regions.PutBack(l.t, region, image)
			l.sleep(l.between(50*time.Millisecond, time.Second))
			l.load.Harmed(region, image.Taken)
			l.regions.Restart(l.t, region)
		}}
}

// wipe takes a region's disk away.
func wipe(l *lab) fault {
	region := l.anyRegion()
	return fault{name: "wipe", target: region, alone: true,
		begin: func() {
			l.regions.Kill(l.t, region)
			l.regions.Wipe(l.t, region)
		},
		end: func() {
			l.load.Harmed(region, time.Time{})
			l.regions.Restart(l.t, region)
		}}
}
