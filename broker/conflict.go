package broker

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// rule is something a stream must be to serve as a CommitLog.
type rule struct {
	broken func(*server.StreamConfig) bool
	reason string
}

// everyLog holds for origins and replicas; entries of such a stream stay what
// they are, at the offsets where they are, until they are trimmed from the front.
var everyLog = []rule{
	{func(s *server.StreamConfig) bool { return s.Storage != server.FileStorage },
		"it is kept in memory: acknowledged entries must survive a restart (storage: file)"},
	{func(s *server.StreamConfig) bool { return s.Retention == server.WorkQueuePolicy },
		"work-queue retention removes entries that a region may still lack (retention: limits)"},
	{func(s *server.StreamConfig) bool { return s.Retention == server.InterestPolicy },
		"interest retention removes entries that a region may still lack (retention: limits)"},
	{func(s *server.StreamConfig) bool { return s.Discard == server.DiscardNew },
		"it refuses new entries when it is full; only old ones may be discarded (discard: old)"},
	{func(s *server.StreamConfig) bool { return s.MaxMsgsPer > 0 },
		"a limit per subject removes entries from the middle (max_msgs_per_subject: -1)"},
	{func(s *server.StreamConfig) bool { return s.AllowMsgTTL || s.SubjectDeleteMarkerTTL > 0 },
		"entries with a time to live of their own leave holes (allow_msg_ttl: false)"},
	{func(s *server.StreamConfig) bool { return s.AllowRollup },
		"a roll-up removes entries from the middle (allow_rollup_hdrs: false)"},
	{func(s *server.StreamConfig) bool { return s.AllowMsgCounter },
		"a counter stream changes what producers sent (allow_msg_counter: false)"},
	{func(s *server.StreamConfig) bool { return s.AllowMsgSchedules },
		"scheduled messages remove and create entries by themselves (allow_msg_schedules: false)"},
	{func(s *server.StreamConfig) bool { return s.Mirror != nil },
		"it is a mirror of another stream: it has no offsets of its own"},
	{func(s *server.StreamConfig) bool { return len(s.Sources) > 0 },
		"it takes entries from other streams (sources)"},
	{func(s *server.StreamConfig) bool { return s.RePublish != nil },
		"it publishes its entries again (republish), which could write into another log"},
	{func(s *server.StreamConfig) bool { return s.Sealed }, "it is sealed: nothing can be added"},
	{func(s *server.StreamConfig) bool { return s.NoAck },
		"it acknowledges nothing, so producers can't know what is stored (no_ack: false)"},
	{func(s *server.StreamConfig) bool { return s.DenyPurge },
		"it can't be trimmed (deny_purge: false)"},
	{func(s *server.StreamConfig) bool { return s.PersistMode == server.AsyncPersistMode },
		"it acknowledges before entries are written (persist_mode: async)"},
}

// originDifferences says why a stream can't be the origin that is wanted. What
// may change (topics, retention, window, sizes, replicas) is no difference.
func originDifferences(have, want *server.StreamConfig) []string {
	found := broken(have, want.Metadata)
	if have.SubjectTransform != nil && !isFenced(have) {
		found = append(found, "it stores entries under other subjects than producers publish to (subject_transform)")
	}
	return found
}

// replicaDifferences says why a stream can't be the replica that is wanted.
func replicaDifferences(have, want *server.StreamConfig) []string {
	found := broken(have, want.Metadata)
	if have.Metadata[metaRole] == "" {
		found = append(found, "it wasn't created as a replica: its offsets need not be the origin's")
	}
	if !slices.Equal(have.Subjects, want.Subjects) || !reflect.DeepEqual(have.SubjectTransform, want.SubjectTransform) {
		found = append(found, "it is written on other subjects than this cluster's secret gives (was the secret changed?)")
	}
	if have.MaxAge > 0 || have.MaxBytes > 0 || have.MaxMsgs > 0 {
		found = append(found, "it has limits of its own, but a replica is trimmed to its origin's first offset")
	}
	return found
}

func broken(have *server.StreamConfig, want map[string]string) []string {
	var found []string
	for _, r := range everyLog {
		if r.broken(have) {
			found = append(found, r.reason)
		}
	}
	for _, key := range []string{metaRole, metaForm, metaVersion} {
		if is := have.Metadata[key]; is != "" && is != want[key] {
			found = append(found, fmt.Sprintf("its %s is %q, not %q", key, is, want[key]))
		}
	}
	return found
}

// changed returns have with everything that may change set as in want, and
// whether that makes a difference.
func changed(have, want *server.StreamConfig) (server.StreamConfig, bool) {
	next := *have
	next.Subjects = want.Subjects
	next.MaxAge, next.MaxBytes, next.MaxMsgs, next.MaxMsgSize = want.MaxAge, want.MaxBytes, want.MaxMsgs, want.MaxMsgSize
	next.Duplicates, next.Replicas = want.Duplicates, want.Replicas
	next.AllowDirect, next.AllowBatchPublish = true, true
	next.Metadata = maps.Clone(have.Metadata)
	if next.Metadata == nil {
		next.Metadata = map[string]string{}
	}
	for key, value := range want.Metadata {
		// What an epoch table says is history; the stream knows it better.
		if key != metaEpochs || next.Metadata[key] == "" {
			next.Metadata[key] = value
		}
	}
	return next, !sameSettings(have, &next)
}

// sameSettings compares what changed may set.
func sameSettings(a, b *server.StreamConfig) bool {
	return sameStream(a, b) && maps.Equal(a.Metadata, b.Metadata)
}

// sameStream is sameSettings without the metadata.
func sameStream(a, b *server.StreamConfig) bool {
	type settings struct {
		subjects           string
		age, window        time.Duration
		bytes, msgs        int64
		size               int32
		replicas           int
		direct, fastIngest bool
	}
	of := func(s *server.StreamConfig) settings {
		return settings{strings.Join(s.Subjects, " "), s.MaxAge, s.Duplicates, s.MaxBytes, s.MaxMsgs, s.MaxMsgSize, s.Replicas, s.AllowDirect, s.AllowBatchPublish}
	}
	return of(a) == of(b)
}
