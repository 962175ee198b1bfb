package scrub

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"geomq/geo"
)

// play asks for what to read until there is nothing, reads it, and writes down
// which blocks came.
func play(t *testing.T, r *rounds, now time.Time, oldest, sealed, recent geo.Block) (got []string) {
	t.Helper()
	for range 100 {
		first, end, wait, err := r.plan(now, oldest, sealed, func() (geo.Block, error) { return recent, nil })
		if err != nil {
			t.Fatal(err)
		}
		if wait > 0 {
			return append(got, fmt.Sprint("wait ", wait))
		}
		got = append(got, fmt.Sprintf("%d-%d", first, end-1))
		r.read(end)
	}
	t.Fatal("it never ends")
	return nil
}

func TestRoundsBeginWithTheNewest(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, c := range []struct {
		oldest, sealed, recent geo.Block
		want                   string
	}{
		{0, 0, 0, "[wait 10s]"},
		{5, 5, 5, "[wait 10s]"},
		{0, 1, 0, "[0-0 wait 10m0s]"},
		{0, 1, 1, "[0-0 wait 10m0s]"},
		{3, 200, 150, "[150-199 3-66 67-130 131-194 195-199 wait 10m0s]"},
		{3, 100, 0, "[3-66 67-99 wait 10m0s]"},
	} {
		r := &rounds{every: 10 * time.Minute}
		if got := fmt.Sprint(play(t, r, now, c.oldest, c.sealed, c.recent)); got != c.want {
			t.Errorf("blocks %d to %d, recent from %d: %s, want %s", c.oldest, c.sealed, c.recent, got, c.want)
		}
	}
}

func TestAFullRoundIsTimedAndRepeated(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := &rounds{every: 10 * time.Minute}
	play(t, r, now, 0, 10, 0)
	if !r.ended.Equal(now) || r.took != 0 {
		t.Errorf("ended at %s after %s", r.ended, r.took)
	}
	if got := fmt.Sprint(play(t, r, now.Add(4*time.Minute), 0, 20, 0)); got != "[wait 6m0s]" {
		t.Error(got)
	}
	if got := fmt.Sprint(play(t, r, now.Add(10*time.Minute), 5, 20, 0)); got != "[5-19 wait 10m0s]" {
		t.Error(got)
	}
}

func TestRetentionOvertakesARound(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := &rounds{every: time.Minute}
	recent := func() (geo.Block, error) { return 0, nil }
	if first, _, _, _ := r.plan(now, 0, 200, recent); first != 0 {
		t.Fatal(first)
	}
	r.read(64)
	if first, end, _, _ := r.plan(now, 150, 200, recent); first != 150 || end != 200 {
		t.Errorf("%d to %d", first, end)
	}
	if got := fmt.Sprint(play(t, r, now, 300, 300, 0)); got != "[wait 10s]" {
		t.Error(got)
	}
}

func TestABlockThatCantBeReadIsPassedOverInTheEnd(t *testing.T) {
	r := &rounds{every: time.Minute}
	recent := func() (geo.Block, error) { return 0, nil }
	for try := range 4 {
		first, _, _, _ := r.plan(time.Unix(1e9, 0), 0, 10, recent)
		if want := geo.Block(map[bool]int{true: 6, false: 5}[try == 3]); try > 0 && first != want {
			t.Errorf("try %d begins at %d, want %d", try, first, want)
		}
		r.failed(5)
	}
}

func TestWhereTheNewestBeginIsAskedAgainIfItFails(t *testing.T) {
	r := &rounds{every: time.Minute}
	bad := errors.New("the broker is away")
	if _, _, _, err := r.plan(time.Unix(1e9, 0), 0, 10, func() (geo.Block, error) { return 0, bad }); !errors.Is(err, bad) {
		t.Fatal(err)
	}
	if got := fmt.Sprint(play(t, r, time.Unix(1e9, 0), 0, 10, 8)); got != "[8-9 0-9 wait 1m0s]" {
		t.Error(got)
	}
}

func TestABudgetSavesNothingUp(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := budget{rate: 1000}
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		if got := b.take(now, 1000); got != want {
			t.Errorf("taking %d: wait %s, want %s", i, got, want)
		}
	}
	if got := b.take(now.Add(time.Hour), 500); got != 500*time.Millisecond {
		t.Errorf("after an hour: wait %s", got)
	}
}
