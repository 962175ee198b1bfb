package geo

import "errors"

// Errors that Parse functions wrap. A caller shows them to the person who
// wrote the name; there is nothing to retry.
var (
	// ErrRegion says that a text is no region name.
	ErrRegion = errors.New("not a region name")
	// ErrLogName says that a text is no log name.
	ErrLogName = errors.New("not a log name")
	// ErrCommitLog says that a stream name is not that of a CommitLog.
	ErrCommitLog = errors.New("not a CommitLog")
	// ErrTopic says that a text is no NATS subject that a log can capture.
	ErrTopic = errors.New("not a topic")
	// ErrEpochs says that an epoch table contradicts itself.
	ErrEpochs = errors.New("not an epoch table")
	// ErrDeletion says that a Deletion contradicts itself.
	ErrDeletion = errors.New("not a deletion")
)
