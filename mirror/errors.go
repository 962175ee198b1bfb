package mirror

import (
	"errors"
	"fmt"

	"geomq/geo"
)

// Errors that end a link's session. The runner opens a new session after each
// of them; a caller only sees them in Status and in the log.
var (
	// ErrMessage says that a received message is damaged or none of ours.
	ErrMessage = errors.New("damaged message")
	// ErrFrame says that a frame's payload does not hold what its header says.
	ErrFrame = errors.New("damaged frame")
)

// GapError says that a holder lacks offsets that a log must have. The link of
// that log halts: a person decides, since going on would lose entries silently.
type GapError struct {
	Log     geo.CommitLog
	Missing geo.Range
	At      geo.Region
}

func (e *GapError) Error() string {
	return fmt.Sprintf("offsets %s of %s are missing at %s and nothing says why: compare its holders with `geomq verify %s`", e.Missing, e.Log, e.At, e.Log)
}
