package geotest

import "testing"

// awaitsProduct skips a test of what the product doesn't do yet.
func awaitsProduct(t *testing.T, what string) {
	t.Helper()
	t.Skipf("the product has to learn this first: %s", what)
}
