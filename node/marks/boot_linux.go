package marks

import (
	"os"
	"strings"
)

// boot names the start of the host that this is, nothing if it is not known.
func boot() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
