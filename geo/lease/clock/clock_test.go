package clock

import (
	"runtime"
	"testing"
	"time"
)

func TestTheClockGoesOn(t *testing.T) {
	c := Boot()
	before := c.Now()
	timer := time.NewTimer(20 * time.Millisecond)
	<-timer.C
	if passed := c.Now() - before; passed < 20*time.Millisecond || passed > 10*time.Second {
		t.Errorf("%v have passed", passed)
	}
	if runtime.GOOS == "linux" && !c.CountsSuspension() {
		t.Error("there is no CLOCK_BOOTTIME on this Linux")
	}
	for range 1000 {
		now := c.Now()
		if now < before {
			t.Fatalf("it went back from %v to %v", before, now)
		}
		before = now
	}
}

// TestOtherClocks: one that leaves out the time asleep says so.
func TestOtherClocks(t *testing.T) {
	a := awake{time.Now()}
	if a.CountsSuspension() || a.Now() < 0 {
		t.Error("the runtime's clock")
	}
	var m Manual
	if m.Advance(time.Second); m.Now() != time.Second || !m.CountsSuspension() {
		t.Error("a manual clock")
	}
}
