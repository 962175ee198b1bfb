package ledger

import "errors"

var (
	// ErrUnknown goes to who names a record that isn't in the ledger. List tells
	// what is.
	ErrUnknown = errors.New("no such record in the ledger")
	// ErrRecord says that what the store holds is not a record: it is damaged.
	// The other records can still be read one by one.
	ErrRecord = errors.New("damaged record of the ledger")
)
