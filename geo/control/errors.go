package control

import "errors"

// ErrRecord goes to readers of what is not a record; the text says why. The
// reader counts it and goes on with the next one.
var ErrRecord = errors.New("not a control record")
