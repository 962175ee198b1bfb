package geo

import (
	"fmt"
	"strconv"
	"strings"
)

// Epoch is a stretch of a CommitLog's life under one writer.
type Epoch struct {
	// Number counts from 1 and grows with every epoch.
	Number uint64 `json:"number"`
	// PrevEnd is the last offset of the epoch before.
	PrevEnd Offset `json:"prev_end"`
	// First is the first offset that this epoch may use; the offsets between
	// PrevEnd and First are holes.
	First Offset `json:"first"`
}

// Epochs is a CommitLog's epoch table, oldest first. It travels in stream
// metadata and in every handshake.
type Epochs []Epoch

// FirstEpochs is the table of a log that has just been created.
func FirstEpochs() Epochs { return Epochs{{Number: 1, PrevEnd: 0, First: 1}} }

// Latest is the newest epoch, or the zero Epoch of an empty table.
func (t Epochs) Latest() Epoch {
	if len(t) == 0 {
		return Epoch{}
	}
	return t[len(t)-1]
}

// At is the number of the epoch that o belongs to, 0 if none does, as for the
// holes between two epochs.
func (t Epochs) At(o Offset) uint64 {
	for i := len(t) - 1; i >= 0; i-- {
		switch {
		case o >= t[i].First:
			return t[i].Number
		case o > t[i].PrevEnd:
			return 0
		}
	}
	return 0
}

// Skipped is what lies between the epochs: holes for good.
func (t Epochs) Skipped() Ranges {
	var skipped Ranges
	for _, e := range t {
		skipped = skipped.Add(Range{First: e.PrevEnd + 1, Last: e.First - 1})
	}
	return skipped
}

// Extends tells whether t holds every epoch of older, unchanged and in front.
func (t Epochs) Extends(older Epochs) bool {
	if len(older) > len(t) {
		return false
	}
	for i := range older {
		if t[i] != older[i] {
			return false
		}
	}
	return true
}

// Validate says what contradicts itself in t; the error wraps ErrEpochs.
func (t Epochs) Validate() error {
	if len(t) == 0 {
		return fmt.Errorf("%w: it is empty", ErrEpochs)
	}
	for i, e := range t {
		if e.Number == 0 || e.First == 0 || e.First <= e.PrevEnd {
			return fmt.Errorf("%w: epoch %d begins at %d behind %d", ErrEpochs, e.Number, e.First, e.PrevEnd)
		}
		if i > 0 && (e.Number <= t[i-1].Number || e.PrevEnd+1 < t[i-1].First) {
			return fmt.Errorf("%w: epoch %d does not follow epoch %d", ErrEpochs, e.Number, t[i-1].Number)
		}
	}
	return nil
}

// String writes the table as "number:prevEnd:first" parted by commas, the form
// in which it stands in stream metadata.
func (t Epochs) String() string {
	parts := make([]string, len(t))
	for i, e := range t {
		parts[i] = fmt.Sprintf("%d:%d:%d", e.Number, e.PrevEnd, e.First)
	}
	return strings.Join(parts, ",")
}

// ParseEpochs reads what String wrote. The error wraps ErrEpochs.
func ParseEpochs(text string) (Epochs, error) {
	var table Epochs
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Split(part, ":")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%w: %q is not number:prevEnd:first", ErrEpochs, part)
		}
		var numbers [3]uint64
		for i, f := range fields {
			n, err := strconv.ParseUint(f, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%w: %q: %w", ErrEpochs, part, err)
			}
			numbers[i] = n
		}
		table = append(table, Epoch{Number: numbers[0], PrevEnd: Offset(numbers[1]), First: Offset(numbers[2])})
	}
	return table, table.Validate()
}
