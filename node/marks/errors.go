package marks

import "errors"

// errDamaged says that a file is not what was written. It stays inside: the file
// counts as missing.
var errDamaged = errors.New("damaged")
