package mirror

import (
	"testing"
	"time"

	"geomq/geo"
)

func TestTheAgeOfALagGrowsWhileNothingIsApplied(t *testing.T) {
	var b behind
	start := time.Unix(1000, 0)
	for i, step := range []struct {
		head, applied geo.Offset
		at            time.Duration
		since         time.Duration // -1: nothing is lacking
	}{
		{10, 10, 0, -1},
		{11, 10, 1 * time.Second, 1 * time.Second},
		{15, 10, 9 * time.Second, 1 * time.Second}, // newer entries don't make the oldest younger
		{15, 11, 10 * time.Second, 10 * time.Second},
		{15, 15, 11 * time.Second, -1},
		{16, 15, 12 * time.Second, 12 * time.Second},
	} {
		b.update(step.head, step.applied, start.Add(step.at))
		if step.since < 0 != b.since.IsZero() || step.since >= 0 && !b.since.Equal(start.Add(step.since)) {
			t.Errorf("step %d: behind since %s, want %s after the start", i, b.since, step.since)
		}
	}
}

func TestLagOfASleepyLog(t *testing.T) {
	hour := int64(time.Hour)
	one := LinkStatus{Fresh: true, Applied: 10, AppliedTime: hour, Head: Head{Last: 11, Time: 2 * hour}, Behind: time.Now()}
	if entries, _, age, ok := one.Lag(); !ok || entries != 1 || age > time.Minute {
		t.Errorf("one entry that has just come counts as %d entries and %s", entries, age)
	}
	many := LinkStatus{Fresh: true, Applied: 10, AppliedTime: hour, Head: Head{Last: 1000, Time: 2 * hour}, Behind: time.Now()}
	if _, _, age, _ := many.Lag(); age != time.Hour {
		t.Errorf("an hour of entries counts as %s", age)
	}
}
