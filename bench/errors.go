package bench

import "errors"

// ErrConfig goes to who asks for a measurement that makes no sense; the text
// names the field.
var ErrConfig = errors.New("nothing to measure")

// ErrIncomplete ends a run in which a replica has the last entry, but not all of
// them: there is something wrong with the side it names, not with the machine.
var ErrIncomplete = errors.New("the replica lacks entries")
