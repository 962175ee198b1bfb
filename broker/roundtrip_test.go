package broker

import (
	"testing"

	"geomq/geo"
)

// Both ways of writing a replica are held to the same tests.
var writers = map[string]bool{"batches": false, "single entries": true}

func TestReplicaGivesBackWhatWasAppended(t *testing.T) {
	for name, plain := range writers {
		t.Run(name, func(t *testing.T) {
			b := openBroker(t, testConfig(t, "eu-west"))
			l := openReplica(t, b, 1)
			want := made(1, 3000)
			var applied []geo.Offset
			appendAll(t, l, AppendConfig{Plain: plain, OnApplied: func(o geo.Offset) { applied = append(applied, o) }}, want)
			sameEntries(t, readTo(t, l, 1, 3000), want)
			for i := 1; i < len(applied); i++ {
				if applied[i] <= applied[i-1] {
					t.Fatalf("applied offsets went from %d to %d", applied[i-1], applied[i])
				}
			}
			if applied[len(applied)-1] != 3000 {
				t.Fatalf("last applied offset is %d", applied[len(applied)-1])
			}
		})
	}
}
