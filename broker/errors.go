package broker

import (
	"errors"
	"fmt"
	"strings"

	"geomq/geo"
)

var (
	// ErrPortBusy goes to whoever opens a Broker: another process listens on the
	// address named in the *PortBusyError. Choose another port or stop it.
	ErrPortBusy = errors.New("port is busy")
	// ErrDataInUse goes to whoever opens a Broker: a live process holds the data
	// folder named in the *DataInUseError. Stop it, or choose another folder.
	ErrDataInUse = errors.New("data folder is in use")
	// ErrConfig says that a Config can't be used; the text says why.
	ErrConfig = errors.New("unusable broker configuration")
	// ErrStart says that the server did not come up; the text is the server's own
	// last complaint. A second attempt helps only if that was temporary.
	ErrStart = errors.New("NATS server did not start")
	// ErrNoLog goes to callers that name a CommitLog this cluster doesn't hold.
	ErrNoLog = errors.New("no such log in this cluster")
	// ErrConflict says that a stream of the log's name exists and is not what is
	// asked for; the *ConflictError lists every difference.
	ErrConflict = errors.New("stream conflicts with the log")
	// ErrBeyondEnd goes to readers that ask for an offset behind the next one to
	// be written, and to Trim likewise. Ask again from the log's Extent.
	ErrBeyondEnd = errors.New("offset lies beyond the log's end")
	// ErrReadGap ends a Reader to which the server did not deliver everything.
	// Open another one from the last offset that was returned + 1.
	ErrReadGap = errors.New("delivery has a gap")
	// ErrSilent ends a Reader whose server stopped its heartbeats, and an Appender
	// whose server stopped acknowledging. Resynchronise from Extent, open another.
	ErrSilent = errors.New("server went silent")
	// ErrReader ends a Reader for what the server says in the text, such as a
	// consumer that was removed. Open another one.
	ErrReader = errors.New("reading ended")
	// ErrFenced ends an Appender: the stream's end is another than it was opened
	// for, see *FencedError, or another Appender was opened. Resynchronise from
	// Extent: somebody else writes, or an earlier Appender's entries landed late.
	ErrFenced = errors.New("stream has another end")
	// ErrSequence goes to callers of Append whose entries don't follow the last
	// one (*SequenceError); nothing was sent and the Appender lives on.
	ErrSequence = errors.New("entries are not consecutive")
	// ErrRefused ends an Appender for what the server says in the text. Repeating
	// helps only where that is temporary.
	ErrRefused = errors.New("server refused the entries")
	// ErrSealed goes to callers of PutSeal for a block that has another seal
	// already. It means that two writers saw different entries: raise an alarm.
	ErrSealed = errors.New("block is sealed otherwise")
	// ErrSeal says that what the seals stream holds is not a seal.
	ErrSeal = errors.New("damaged seal")
	// ErrMetadata says that what a stream's metadata tells of the log can't be
	// read: somebody else wrote it. Nothing is guessed; restore the metadata.
	ErrMetadata = errors.New("unreadable metadata of a stream")
	// ErrRole goes to callers of methods that only an origin or only a replica
	// has: a mistake in the calling program.
	ErrRole = errors.New("not possible for a log in this role")
	// ErrClosed goes to callers of a Broker, Reader or Appender after Close.
	ErrClosed = errors.New("closed")
)

// PortBusyError is ErrPortBusy with the address.
type PortBusyError struct{ Address string }

func (e *PortBusyError) Error() string {
	return fmt.Sprintf("port is busy: another process listens on %s; stop it or choose another port", e.Address)
}

// Is matches ErrPortBusy.
func (e *PortBusyError) Is(target error) bool { return target == ErrPortBusy }

// DataInUseError is ErrDataInUse with the folder.
type DataInUseError struct{ Folder string }

func (e *DataInUseError) Error() string {
	return fmt.Sprintf("data folder is in use: a live process holds %s; stop it or choose another folder", e.Folder)
}

// Is matches ErrDataInUse.
func (e *DataInUseError) Is(target error) bool { return target == ErrDataInUse }

// ConflictError is ErrConflict with every difference, each in words of its own.
type ConflictError struct {
	Stream      string
	Differences []string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("stream %s can't be the log that is asked for: %s", e.Stream, strings.Join(e.Differences, "; "))
}

// Is matches ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// FencedError is ErrFenced with the stream's true end.
type FencedError struct {
	Stream string
	// Offset is what the refused entry would have become, Last the stream's end
	// as the server named it.
	Offset, Last geo.Offset
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("stream %s ends at %d: offset %d was refused", e.Stream, e.Last, e.Offset)
}

// Is matches ErrFenced.
func (e *FencedError) Is(target error) bool { return target == ErrFenced }

// SequenceError is ErrSequence with the offsets.
type SequenceError struct {
	Stream    string
	Want, Got geo.Offset
}

func (e *SequenceError) Error() string {
	return fmt.Sprintf("stream %s: the next entry must have offset %d, not %d", e.Stream, e.Want, e.Got)
}

// Is matches ErrSequence.
func (e *SequenceError) Is(target error) bool { return target == ErrSequence }
