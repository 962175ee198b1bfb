//go:build slow

package geotest

import "testing"

func TestSlowPowerCutOfAReplica(t *testing.T) { powerCutsOfAReplica(t, 20) }
