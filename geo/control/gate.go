package control

import "geomq/geo"

// Standing is how far this region holds a log.
type Standing struct {
	// Held is false for a log that this region does not keep: nothing of it is
	// waited for.
	Held   bool
	Last   geo.Offset
	Epochs geo.Epochs
}

// reached tells whether a log that stands so has come to where r speaks of. An
// epoch that is not known yet has not begun here, whatever the offsets say.
func (s Standing) reached(r Record) bool {
	return !s.Held || s.Last >= r.Offset && s.Epochs.Latest().Number >= r.Epoch
}

// Gate holds the records of one control log until the logs that they name have
// come as far. Records that name the same log keep their order; others pass by.
type Gate struct {
	held []Placed
}

// Placed is a record with its offset in the control log.
type Placed struct {
	Record
	At geo.Offset
}

// Add takes the next record of the control log.
func (g *Gate) Add(p Placed) { g.held = append(g.held, p) }

// Held is how many records wait.
func (g *Gate) Held() int { return len(g.held) }

// Release returns the records that may be seen now, in order. standing tells how
// far this region holds a log.
func (g *Gate) Release(standing func(log string) Standing) []Placed {
	var released, kept []Placed
	waits := map[string]bool{}
	for _, r := range g.held {
		if r.Log != "" && (waits[r.Log] || !standing(r.Log).reached(r.Record)) {
			waits[r.Log] = true
			kept = append(kept, r)
			continue
		}
		released = append(released, r)
	}
	g.held = kept
	return released
}
