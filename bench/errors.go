package bench

import "errors"

// ErrConfig goes to who asks for a measurement that makes no sense; the text
// names the field.
var ErrConfig = errors.New("nothing to measure")

// ErrStuck ends a run in which a replica does not begin, or stands still before
// it has caught up. Its node's log would say why: run the same with geomq dev.
var ErrStuck = errors.New("no progress")

// ErrIncomplete ends a run in which a replica has the last entry, but not all of
// them: there is something wrong with the side it names, not with the machine.
var ErrIncomplete = errors.New("the replica lacks entries")
