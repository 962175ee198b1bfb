package verify

import "errors"

var (
	// ErrDigest says that a text is no digest. Whoever decoded it treats its
	// sender as broken.
	ErrDigest = errors.New("not a digest")
	// ErrStep says that a step does not divide a block into equal parts. The
	// caller asks for 1024 or 1.
	ErrStep = errors.New("not a step")
	// ErrOrder says that entries were not given in the order of their offsets,
	// or lie outside of the range. The holder that reads them has a fault.
	ErrOrder = errors.New("entry out of order")
	// ErrAnswer says that a holder's answer does not cover what was asked for,
	// piece by piece and in order. Verify puts it into the report and goes on
	// without that holder.
	ErrAnswer = errors.New("answer does not fit the question")
	// ErrHolders says that Verify was given no holder, or two of one region.
	ErrHolders = errors.New("holders can't be compared")
)
