package geotest

import (
	"slices"
	"testing"

	"geomq/geo"
)

func TestWhatIsWrittenOffIsRead(t *testing.T) {
	found := offsetsWrittenOff("10:00 us-east log.deleted 43 acknowledged entries of ORDERS@us-east, offsets 41…81, 90, 200…200, are nowhere: a power cut took them\nother\n")
	want := geo.Ranges{{First: 41, Last: 81}, {First: 90, Last: 90}, {First: 200, Last: 200}}
	if len(found) != 1 || !slices.Equal(found["us-east"], want) {
		t.Errorf("%v", found)
	}
}
