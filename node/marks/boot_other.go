//go:build !linux && !darwin

package marks

// boot names the start of the host that this is; nothing, for it is not known.
func boot() string { return "" }
