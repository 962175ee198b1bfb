package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// percent is a file system of which so much is free.
func percent(free float64) Usage { return Usage{Free: uint64(free * 1000), Total: 100_000} }

// TestADiskFillsUpAndIsFreed: each state is entered at its threshold and left a
// point above it.
func TestADiskFillsUpAndIsFreed(t *testing.T) {
	state := OK
	for i, step := range []struct {
		free float64
		want State
	}{
		{50, OK}, {10, OK}, {9.9, ReplicasStop}, {10.5, ReplicasStop}, {9, ReplicasStop}, {11, OK},
		{10.5, OK}, {5, ReplicasStop}, {4.9, OriginsFence}, {5.5, OriginsFence}, {0, OriginsFence},
		{6, ReplicasStop}, {5.5, ReplicasStop}, {4, OriginsFence}, {50, OK}, {1, OriginsFence}, {10.9, ReplicasStop}, {11, OK},
	} {
		if state = (Thresholds{}).Next(state, percent(step.free)); state != step.want {
			t.Fatalf("step %d, %.1f %% free: %s, want %s", i, step.free, state, step.want)
		}
	}
}

func TestTheStoresOwnLimitCounts(t *testing.T) {
	for _, c := range []struct {
		u    Usage
		want State
	}{
		{Usage{Free: 50, Total: 100, Used: 50, Limit: 100}, OK},
		{Usage{Free: 50, Total: 100, Used: 92, Limit: 100}, ReplicasStop},
		{Usage{Free: 50, Total: 100, Used: 100, Limit: 100}, OriginsFence},
		{Usage{Free: 50, Total: 100, Used: 200, Limit: 100}, OriginsFence},
		{Usage{Free: 2, Total: 100, Used: 1, Limit: 100}, OriginsFence},
		{Usage{Free: 50, Total: 100, Used: 1 << 60}, OK},
		{Usage{}, OK}, // a file system that doesn't tell its size
	} {
		if got := (Thresholds{}).Next(OK, c.u); got != c.want {
			t.Errorf("%+v: %s, want %s", c.u, got, c.want)
		}
	}
}

func TestThresholdsCanBeChosen(t *testing.T) {
	th := Thresholds{Replicas: 0.5, Origins: 0.9, Margin: 0.1} // origins never before replicas
	for free, want := range map[float64]State{51: OK, 49: OriginsFence} {
		if got := th.Next(OK, percent(free)); got != want {
			t.Errorf("%v %% free: %s, want %s", free, got, want)
		}
	}
	if got := th.Next(OriginsFence, percent(59)); got != OriginsFence {
		t.Errorf("within the margin: %s", got)
	}
}

// TestMoreRoomNeverAllowsLess, and a look that changes nothing changes nothing.
func TestMoreRoomNeverAllowsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th := Thresholds{Replicas: rapid.Float64Range(0, 1).Draw(t, "replicas"), Origins: rapid.Float64Range(0, 1).Draw(t, "origins")}
		now := State(rapid.IntRange(0, 2).Draw(t, "state"))
		a, b := rapid.Float64Range(0, 100).Draw(t, "a"), rapid.Float64Range(0, 100).Draw(t, "b")
		less, more := th.Next(now, percent(min(a, b))), th.Next(now, percent(max(a, b)))
		if more > less {
			t.Fatalf("%s with less room, %s with more", less, more)
		}
		if again := th.Next(less, percent(min(a, b))); again != less {
			t.Fatalf("%s becomes %s by looking again", less, again)
		}
		if worse := th.Next(OK, percent(a)); worse > th.Next(now, percent(a)) {
			t.Fatalf("from ok it gets worse than from %s", now)
		}
	})
}

func TestAWatcherTellsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := []float64{50, 50, 8, 8, 3, 3, 5.5, 7, -1, -1, 20, 20}
		var said bytes.Buffer
		w := New(Config{Folder: "data", Log: slog.New(slog.NewTextHandler(&said, nil)), Measure: func() (Usage, error) {
			now := free[0]
			free = free[1:]
			if now < 0 {
				return Usage{}, errors.New("no such folder")
			}
			return percent(now), nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second+time.Millisecond)
		defer cancel()
		var told []string
		begin := time.Now()
		err := w.Run(ctx, time.Second, func(s State) { told = append(told, fmt.Sprint(time.Since(begin), " ", s)) })
		want := []string{"0s ok", "2s replicas stop", "4s origins fence", "7s replicas stop", "10s ok"}
		if !errors.Is(err, context.DeadlineExceeded) || !slices.Equal(told, want) {
			t.Errorf("told %q, want %q, %v", told, want, err)
		}
		if n := strings.Count(said.String(), "can't be measured"); n != 1 {
			t.Errorf("%d lines about measuring in\n%s", n, said.String())
		}
		if n := strings.Count(said.String(), "\n"); n != 5 {
			t.Errorf("%d lines\n%s", n, said.String())
		}
		if w.State() != OK || w.Usage() != percent(20) {
			t.Errorf("%s, %+v", w.State(), w.Usage())
		}
	})
}

func TestStatfs(t *testing.T) {
	u, err := Statfs(t.TempDir())
	if err != nil || u.Total == 0 || u.Free > u.Total {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := Statfs(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that isn't there has room")
	}
	state, _ := New(Config{Folder: t.TempDir(), Thresholds: Thresholds{Replicas: 1e-12, Origins: 1e-12, Margin: 1e-12}}).Look()
	if state != OK {
		t.Errorf("%s", state)
	}
}

func TestStatesAreNamed(t *testing.T) {
	if OK.String() != "ok" || State(7).String() != "state 7" || !OK.Replicas() || ReplicasStop.Replicas() || !ReplicasStop.Origins() || OriginsFence.Origins() {
		t.Error("names or meanings of states")
	}
}
