package vote

import "errors"

// ErrRecord goes to readers of what is no record of this package; the text says
// why. The reader counts it and goes on with the next one.
var ErrRecord = errors.New("not a record of votes")

// ErrVersion goes to readers of a record in a later format than they know. What it
// says can't be guessed: the node has to be upgraded, and a voter that meets one
// from another voter goes on without it, as if it had not come yet.
var ErrVersion = errors.New("a record of votes in a later format")

// ErrConfig goes to who makes a Machine; the text says what can't be.
var ErrConfig = errors.New("impossible configuration of votes")

// ErrVoters goes to who changes the voters; the text says what to change instead.
var ErrVoters = errors.New("voters can't be changed so")
