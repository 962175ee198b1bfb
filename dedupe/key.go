package dedupe

import (
	"strconv"

	"geomq/geo"
	"geomq/geo/entry"
)

// Key returns the idempotency key of e, an entry of log in an epoch.
func Key(log geo.CommitLog, epoch uint64, e *entry.Entry) string {
	if id := entry.Value(e.Header, entry.MessageID); len(id) > 0 {
		return string(id)
	}
	return log.Stream() + "/" + strconv.FormatUint(epoch, 10) + "/" + strconv.FormatUint(uint64(e.Offset), 10)
}
