package mirror

import (
	"fmt"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// Versions of the link protocol that this build speaks. Version 2 has holes,
// deletions and new epochs.
const (
	MinVersion = 1
	MaxVersion = 2
)

// Session names one opening of a link. It is random, stands in every message,
// and a message of another session is refused.
type Session uint64

// Kind tells the messages of the protocol apart; it is their first byte.
type Kind byte

// The kinds of messages.
const (
	KindHello Kind = iota + 1
	KindWelcome
	KindRefusal
	KindFrame
	KindSeal
	KindBeat
	KindCredit
	KindBye
	KindHole
	KindDeletion
)

var kindNames = map[Kind]string{
	KindHello: "hello", KindWelcome: "welcome", KindRefusal: "refusal", KindFrame: "frame",
	KindSeal: "seal", KindBeat: "beat", KindCredit: "credit", KindBye: "bye",
	KindHole: "hole", KindDeletion: "deletion",
}

func (k Kind) String() string { return kindNames[k] }

// Message is one message of the protocol.
type Message interface {
	Kind() Kind
	Of() Session
}

// Hello opens a session: the sink says where it stands.
type Hello struct {
	Session Session `json:"session"`
	// MinVersion and MaxVersion bound the protocol versions that the sink speaks.
	MinVersion int `json:"min_version"`
	MaxVersion int `json:"max_version"`
	// Log is the stream name of the CommitLog asked for.
	Log string `json:"log"`
	// To is the sink's region.
	To geo.Region `json:"to"`
	// From is the first offset wanted: the replica's last one plus 1. It is 0
	// where there is no replica yet, and means the holder's first.
	From geo.Offset `json:"from"`
	// Last is the digest of the replica's entry at From − 1, by which the holder
	// notices that the two logs are not the same; absent where there is none.
	Last *entry.Digest `json:"last,omitempty"`
	// Epochs is the epoch table that the replica has; empty without a replica.
	Epochs geo.Epochs `json:"epochs,omitempty"`
	// Unsealed is the first block whose seal the replica lacks.
	Unsealed geo.Block `json:"unsealed"`
	// MaxEntry is the largest entry that the sink's broker takes, header and
	// body together in bytes; 0 where it does not say.
	MaxEntry int64 `json:"max_entry,omitempty"`
	// Credit is how many uncompressed bytes may be under way at once.
	Credit uint64 `json:"credit"`
	// Frame is how many uncompressed bytes a frame should have.
	Frame int `json:"frame"`
	// Deletions is the number of the last deletion that the replica has.
	Deletions uint64 `json:"deletions,omitempty"`
	// DeletionSum is a digest of that one, by which the holder notices that another
	// one stands there at its number.
	DeletionSum *entry.Digest `json:"deletion_sum,omitempty"`
	// Gaps are the first maxGaps stretches from From on that an operator has
	// given up for the replica.
	Gaps geo.Ranges `json:"gaps,omitempty"`
	// Codecs lists the compressions that the sink can undo, the preferred first.
	Codecs []string `json:"codecs"`
	// Heartbeat is how often both sides let themselves be heard.
	Heartbeat time.Duration `json:"heartbeat"`
}

// Welcome accepts a Hello.
type Welcome struct {
	Session Session    `json:"session"`
	Version int        `json:"version"`
	Holder  geo.Region `json:"holder"`
	// From is the offset that the first frame will begin with.
	From  geo.Offset `json:"from"`
	Head  Head       `json:"head"`
	Codec string     `json:"codec"`
	// Epochs is the holder's epoch table.
	Epochs geo.Epochs `json:"epochs"`
}

// Head is what a holder says of its end of a log.
type Head struct {
	First geo.Offset `json:"first"`
	Last  geo.Offset `json:"last"`
	// Time is when the entry at Last was stored, in nanoseconds since 1970.
	Time int64 `json:"time"`
	// Bytes and Entries are what the holder keeps; their ratio prices a lag.
	Bytes   uint64 `json:"bytes"`
	Entries uint64 `json:"entries"`
}

// HeadOf is the Head of e.
func HeadOf(e geo.Extent) Head {
	h := Head{First: e.First, Last: e.Last, Bytes: e.Bytes, Entries: e.Entries}
	if !e.LastTime.IsZero() {
		h.Time = e.LastTime.UnixNano()
	}
	return h
}

// Refusal answers a Hello that can't be served, or ends a session for a reason
// that the sink has to act on.
type Refusal struct {
	Session Session `json:"session"`
	Cause   Cause   `json:"cause"`
	// Text says to a person what happened and what to do.
	Text string `json:"text"`
	// Missing is what the holder can't give, with CauseTrimmed and CauseGap.
	Missing *geo.Range `json:"missing,omitempty"`
}

// Frame carries consecutive entries.
type Frame struct {
	Session Session
	// Number counts the session's frames, holes and deletions from 1.
	Number uint64
	// First is the offset of the first entry, Count how many there are: at
	// least one and at most MaxEntries.
	First geo.Offset
	Count uint32
	// Raw is the length of the payload before compression, in bytes.
	Raw   uint32
	Codec Codec
	// Payload is what Packer made, compressed by Codec.
	Payload []byte
}

// Last is the offset of the frame's last entry.
func (f *Frame) Last() geo.Offset { return f.First + geo.Offset(f.Count) - 1 }

// Why says by what right an offset has no entry.
type Why byte

// The reasons for holes. Their numbers are part of the wire format.
const (
	WhyEpochs    Why = iota + 1 // a new epoch began behind it
	WhyDeletion                 // the origin removed the entry on purpose
	WhyCompacted                // a control log keeps the newest record of each key
	WhyAccepted                 // the replica's operator has given it up
)

var whyNames = [...]string{WhyEpochs: "epochs", WhyDeletion: "deletion", WhyCompacted: "compacted", WhyAccepted: "accepted"}

func (w Why) String() string {
	if w == 0 || int(w) >= len(whyNames) {
		return fmt.Sprintf("reason %d", byte(w))
	}
	return whyNames[w]
}

// Hole says that the offsets First to Last, which come next, have no entries.
type Hole struct {
	Session Session
	// Number is the next in the sequence of the session's frames.
	Number      uint64
	First, Last geo.Offset
	// Why is what the source goes by. A sink believes no hole for it, but only
	// what it knows itself.
	Why Why
}

// Range is the stretch of offsets without an entry.
func (h *Hole) Range() geo.Range { return geo.Range{First: h.First, Last: h.Last} }

// DeletionNote carries the origin's record of entries that it removes.
type DeletionNote struct {
	Session Session
	// Number is the next in the sequence of the session's frames.
	Number   uint64
	Deletion geo.Deletion
}

// SealNote carries a seal of the origin.
type SealNote struct {
	Session Session
	// From is the first block that no earlier note of the session covers. The
	// blocks from there to Seal.Block have no seal and never will; a note that
	// was lost, repeated or overtaken shows by a From that is not due.
	From geo.Block
	Seal geo.Seal
}

// Beat is the source's heartbeat.
type Beat struct {
	Session Session
	// Frames is how many frames, holes and deletions the session has had, Sealed the first block that
	// no SealNote has covered: by them a sink notices that the last frame or note
	// before a silence was lost.
	Frames uint64
	Sealed geo.Block
	Head   Head
}

// Credit is the sink's heartbeat; it also opens room for more frames.
type Credit struct {
	Session Session
	// Granted is how many uncompressed bytes the source may have sent in all
	// since the session began.
	Granted uint64
	// Applied is the replica's end.
	Applied geo.Offset
}

// Bye ends a session. A sink sends it; a source that does so is understood too.
type Bye struct {
	Session Session
	Cause   Cause
}

// Kind and Of of each message.
func (*Hello) Kind() Kind        { return KindHello }
func (*Welcome) Kind() Kind      { return KindWelcome }
func (*Refusal) Kind() Kind      { return KindRefusal }
func (*Frame) Kind() Kind        { return KindFrame }
func (*SealNote) Kind() Kind     { return KindSeal }
func (*Beat) Kind() Kind         { return KindBeat }
func (*Credit) Kind() Kind       { return KindCredit }
func (*Bye) Kind() Kind          { return KindBye }
func (*Hole) Kind() Kind         { return KindHole }
func (*DeletionNote) Kind() Kind { return KindDeletion }

func (m *Hello) Of() Session        { return m.Session }
func (m *Welcome) Of() Session      { return m.Session }
func (m *Refusal) Of() Session      { return m.Session }
func (m *Frame) Of() Session        { return m.Session }
func (m *SealNote) Of() Session     { return m.Session }
func (m *Beat) Of() Session         { return m.Session }
func (m *Credit) Of() Session       { return m.Session }
func (m *Bye) Of() Session          { return m.Session }
func (m *Hole) Of() Session         { return m.Session }
func (m *DeletionNote) Of() Session { return m.Session }
