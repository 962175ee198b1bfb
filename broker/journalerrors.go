package broker

import (
	"errors"
	"fmt"
)

var (
	// ErrTaken goes to who puts a record under a key that has another one. The
	// record that came first stays; RecordOf tells what it says.
	ErrTaken = errors.New("the key has another record")
	// ErrKey goes to who names a key of more than 256 bytes.
	ErrKey = errors.New("not a journal's key")
	// ErrTooLarge goes to who writes a record of more than Journal.MaxData bytes.
	ErrTooLarge = errors.New("record is too large")
	// ErrNotFlushed says that a record is stored but may be lost with the power,
	// since this server's copy could not be brought to the disk. Write the same
	// again, which is no error, once the disk is well.
	ErrNotFlushed = errors.New("record is not flushed")
	// ErrJournal says that a journal holds what no journal wrote.
	ErrJournal = errors.New("damaged journal")
)

// takenError is ErrTaken with the record that came first.
type takenError struct{ there Record }

func (e *takenError) Error() string {
	return fmt.Sprintf("the key has another record, number %d", e.there.Seq)
}

// Is matches ErrTaken.
func (e *takenError) Is(target error) bool { return target == ErrTaken }
