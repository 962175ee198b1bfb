//go:build slow

package geotest

import (
	"fmt"
	"testing"
)

func TestSlowPowerCutOfAReplica(t *testing.T) { powerCutsOfAReplica(t, 20) }

func TestSlowPowerCutOfAllMachines(t *testing.T) {
	first := seedOf(t)
	for seed := first; seed < first+5; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { powerCutOfAllMachines(t, seed) })
	}
}
