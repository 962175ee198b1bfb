//go:build slow

package geotest

import "testing"

func TestSlowKill(t *testing.T) { killWhileImporting(t, 20, 39_244) }
