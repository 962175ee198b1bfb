package scrub

import "errors"

// Errors of patches.
var (
	// ErrNoPatch says that a block has no patch. Patches returns it; the Shelf then
	// forgets the block.
	ErrNoPatch = errors.New("no patch of that block")
	// ErrPatch says that a stored patch is damaged. Whoever reads the block gets it;
	// the Scrubber fetches the block again.
	ErrPatch = errors.New("damaged patch")
	// ErrLarge says that more of a block differs than a patch can hold. It stands
	// in Status; the replica has to be repaired as a whole.
	ErrLarge = errors.New("too much of the block differs to be patched")
)
