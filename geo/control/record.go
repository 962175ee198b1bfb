package control

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"geomq/geo"
)

// Kind says what a record is about. Kinds are part of the wire format: none is
// renamed, and a reader passes over those it does not know.
type Kind string

// The kinds of records.
const (
	NodeStarted   Kind = "node.started"
	NodeStopped   Kind = "node.stopped"
	LogOpening    Kind = "log.opening"    // closed to clients, and why
	LogOpened     Kind = "log.opened"     // takes entries
	LogEpoch      Kind = "log.epoch"      // a new epoch has begun
	LogFenced     Kind = "log.fenced"     // takes none any more, and why
	LogDeleted    Kind = "log.deleted"    // entries are removed on purpose
	LogDamaged    Kind = "log.damaged"    // a block does not match its seal
	LogRepaired   Kind = "log.repaired"   // a replica was made anew
	LinkHalted    Kind = "link.halted"    // waits for a person
	LinkStreaming Kind = "link.streaming" // goes on, in place of the record that it was halted
	LinkHolder    Kind = "link.holder"    // pulls from another holder than before
	GapAccepted   Kind = "gap.accepted"   // an operator gave offsets up
	LedgerAdded   Kind = "ledger.added"   // entries are no longer part of a log
	DiskState     Kind = "disk.state"     // a node's disk has crossed a threshold
	EngineFailing Kind = "engine.failing" // a broker refuses writes
)

// Kinds are those of this version.
func Kinds() []Kind {
	return []Kind{
		NodeStarted, NodeStopped, LogOpening, LogOpened, LogEpoch, LogFenced, LogDeleted, LogDamaged, LogRepaired,
		LinkHalted, LinkStreaming, LinkHolder, GapAccepted, LedgerAdded, DiskState, EngineFailing,
	}
}

const (
	maxRecord = 64 << 10
	maxKey    = 256
)

// Record is one decision or observation of a region.
type Record struct {
	Kind Kind `json:"kind"`
	// Key names what the record replaces: the last record of a key stands for it.
	Key    string     `json:"key"`
	Region geo.Region `json:"region"`
	Node   string     `json:"node,omitempty"`
	At     time.Time  `json:"at"`
	// Log, Epoch and Offset say how far a replica of the log must have come for
	// the record to be of use there; empty where it speaks of no log's contents.
	Log    string     `json:"log,omitempty"`
	Epoch  uint64     `json:"epoch,omitempty"`
	Offset geo.Offset `json:"offset,omitempty"`
	// Text tells a person what happened.
	Text string `json:"text"`
}

// Subject is under which the record stands in its control log.
func (r Record) Subject() string { return "geomq.control." + string(r.Kind) }

// Encode writes r as JSON. The error wraps ErrRecord.
func (r Record) Encode() ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(r)
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("%d bytes are more than %d", len(b), maxRecord)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return b, nil
}

// Decode reads what Encode wrote; fields of later versions are passed over. The
// error wraps ErrRecord.
func Decode(b []byte) (Record, error) {
	var r Record
	if len(b) > maxRecord {
		return r, fmt.Errorf("%w: %d bytes are more than %d", ErrRecord, len(b), maxRecord)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return r, r.validate()
}

func (r Record) validate() error {
	switch {
	case r.Kind == "" || strings.ContainsAny(string(r.Kind), " *>\t\r\n"):
		return fmt.Errorf("%w: its kind is %q", ErrRecord, r.Kind)
	case r.Key == "" || len(r.Key) > maxKey || !utf8.ValidString(r.Key):
		return fmt.Errorf("%w: its key has %d bytes, 1 to %d are allowed", ErrRecord, len(r.Key), maxKey)
	case r.Region == "":
		return fmt.Errorf("%w: it names no region", ErrRecord)
	case r.Log == "" && (r.Offset != 0 || r.Epoch != 0):
		return fmt.Errorf("%w: it names an offset without a log", ErrRecord)
	}
	return nil
}
