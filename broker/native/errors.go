package native

import "errors"

// ErrStart goes to who opens a Server that does not come up: the folder or the
// machine is at fault, the text says what the server reported.
var ErrStart = errors.New("the server did not start")
