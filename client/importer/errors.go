package importer

import (
	"errors"
	"fmt"

	"geomq/client"
)

var (
	// ErrStalled goes to the caller of Run, within a *Stopped: the broker made
	// no progress for Config.Patience. Start again when it is back.
	ErrStalled = errors.New("no progress")
	// ErrLine goes to the caller of Run, within a *Stopped, where OnError is
	// Stop: a line is malformed. Correct it, or skip such lines.
	ErrLine = errors.New("a line is malformed")
	// ErrInput goes to the caller of Run: the input could not be read.
	ErrInput = errors.New("the input can't be read")
	// ErrLog goes to the caller of Run: the log to import into does not fit, is
	// missing, or may not be used. Nothing about the file is wrong.
	ErrLog = errors.New("the log can't be imported into")
	// ErrConfig goes to the caller of Run, who filled in Config wrongly.
	ErrConfig = errors.New("the import is not set up rightly")
)

// Stopped says that a run ended before the end of its input and how to go on.
// It wraps what ended it: ErrStalled, ErrLine, ErrInput, ErrLog or the context's
// error.
type Stopped struct {
	Err error
	// Acknowledged counts the lines that are in the log for certain.
	Acknowledged int
	// NextLine is the first line that is not: the one to go on from. It and
	// lines behind it may have reached the log all the same.
	NextLine int
	// Dedupe tells whether the run used ids that a further run recognises.
	Dedupe bool
}

func (s *Stopped) Error() string {
	text := fmt.Sprintf("import stopped: %v; %s lines are acknowledged, the next one is line %s",
		s.Err, client.Thousands(uint64(s.Acknowledged)), client.Thousands(uint64(s.NextLine)))
	if s.Dedupe {
		return text + "; run it again, lines that are in the log are recognised"
	}
	return text + "; go on from there (a few lines behind it may be in the log already)"
}

func (s *Stopped) Unwrap() error { return s.Err }
