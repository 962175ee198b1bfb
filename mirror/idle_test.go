package mirror

import (
	"runtime"
	"testing"
	"time"
)

// TestAnIdleLinkDoesNotGrow lets a link idle for two hours of fake time.
func TestAnIdleLinkDoesNotGrow(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 3000) }, func(w *world) {
		w.caughtUp()
		w.sealed()
		time.Sleep(time.Minute)
		before, goroutines := heapInUse(), runtime.NumGoroutine()
		began := heapTotal()
		time.Sleep(2 * time.Hour)
		if grown := int64(heapInUse()) - int64(before); grown > 256<<10 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		if got := runtime.NumGoroutine(); got > goroutines {
			t.Errorf("%d goroutines, before it were %d", got, goroutines)
		}
		// Both sides, the Sealer and the stand-ins for broker and network.
		if each := (heapTotal() - began) / 7200; each > 16<<10 {
			t.Errorf("%d bytes are allocated per heartbeat", each)
		}
	})
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
