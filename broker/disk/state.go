package disk

import "fmt"

// State says what may still be written; a higher one allows less.
type State int

// The states.
const (
	// OK: everything.
	OK State = iota
	// ReplicasStop: links write no more into replicas, origins go on.
	ReplicasStop
	// OriginsFence: origins take nothing either.
	OriginsFence
)

var states = [...]string{"ok", "replicas stop", "origins fence"}

func (s State) String() string {
	if s < 0 || int(s) >= len(states) {
		return fmt.Sprintf("state %d", int(s))
	}
	return states[s]
}

// Replicas tells whether replicas may be written.
func (s State) Replicas() bool { return s < ReplicasStop }

// Origins tells whether origins may be written.
func (s State) Origins() bool { return s < OriginsFence }

// Usage is a measure of the room that a broker has, in bytes.
type Usage struct {
	// Free and Total are the file system's, Free without what is kept for root.
	Free, Total uint64
	// Used is what the broker's store holds and Limit what it may hold; Limit 0
	// is without limit.
	Used, Limit uint64
}

// FreePart is the part of the whole that is free, from 0 to 1: the lesser of the
// file system's and the store's. A file system without a size counts as free.
func (u Usage) FreePart() float64 {
	part := 1.0
	if u.Total > 0 {
		part = float64(min(u.Free, u.Total)) / float64(u.Total)
	}
	if u.Limit > 0 {
		part = min(part, float64(u.Limit-min(u.Used, u.Limit))/float64(u.Limit))
	}
	return part
}

// Thresholds say how much room is too little, in parts of the whole from 0 to 1.
type Thresholds struct {
	// Replicas is below which part replicas stop; default 0.10.
	Replicas float64
	// Origins is below which part origins fence themselves; default 0.05, never
	// more than Replicas.
	Origins float64
	// Margin is how far above its threshold a state is left; default 0.01.
	Margin float64
}

// Defaults of Thresholds.
const (
	DefaultReplicas = 0.10
	DefaultOrigins  = 0.05
	DefaultMargin   = 0.01
)

// WithDefaults is t with defaults for what is zero or less, and with an order
// that makes sense.
func (t Thresholds) WithDefaults() Thresholds {
	if t.Replicas <= 0 {
		t.Replicas = DefaultReplicas
	}
	if t.Origins <= 0 {
		t.Origins = DefaultOrigins
	}
	if t.Margin <= 0 {
		t.Margin = DefaultMargin
	}
	t.Origins = min(t.Origins, t.Replicas)
	return t
}

// grain is less than anybody means: a sum of decimal parts isn't exact.
const grain = 1e-9

// Next is the state that follows now, given a measure. Defaults count.
func (t Thresholds) Next(now State, u Usage) State {
	t = t.WithDefaults()
	free := u.FreePart()
	next := OK
	for _, s := range []struct {
		state State
		below float64
	}{{ReplicasStop, t.Replicas}, {OriginsFence, t.Origins}} {
		if free < s.below || now >= s.state && free < s.below+t.Margin-grain {
			next = s.state
		}
	}
	return next
}
