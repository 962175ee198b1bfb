package marks

import "syscall"

// boot names the start of the host that this is, nothing if it is not known.
func boot() string {
	text, err := syscall.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return text
}
