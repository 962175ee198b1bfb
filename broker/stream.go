package broker

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// unlimited is how JetStream writes "no limit".
const unlimited = -1

// baseStream is what origin and replica have in common.
func baseStream(id geo.CommitLog, role Role, form string, replicas int, epochs geo.Epochs) server.StreamConfig {
	return server.StreamConfig{
		Name:     id.Stream(),
		Storage:  server.FileStorage,
		Replicas: max(replicas, 1),

		Retention: server.LimitsPolicy, Discard: server.DiscardOld,
		MaxMsgs: unlimited, MaxBytes: unlimited, MaxMsgsPer: unlimited, MaxConsumers: unlimited, MaxMsgSize: unlimited,

		AllowDirect: true, AllowBatchPublish: true,
		Metadata: map[string]string{
			metaRole: string(role), metaForm: form, metaVersion: formVersion, metaEpochs: epochs.String(),
		},
	}
}

// originStream is the stream of a log that producers write. Deleting and purging
// stay possible: they are ours to do, and clients' permissions keep others from
// it.
func originStream(c LogConfig) server.StreamConfig {
	s := baseStream(c.ID, Origin, formRaw, c.Replicas, geo.FirstEpochs())
	for _, topic := range c.Topics {
		s.Subjects = append(s.Subjects, string(topic))
	}
	s.MaxAge = c.MaxAge
	s.MaxBytes = limit(c.MaxBytes)
	s.MaxMsgs = limit(c.MaxEntries)
	s.MaxMsgSize = c.MaxMsgSize
	s.Duplicates = dedupeWindow(c.DedupeWindow, c.MaxAge)
	return s
}

// replicaStream is the stream that an Appender writes. It has no limits of its
// own, it is trimmed to the origin's first offset; and no duplicate window worth
// the name, since its entries carry their keys under another name.
func replicaStream(c ReplicaConfig, secret []byte) server.StreamConfig {
	epochs := c.Epochs
	if len(epochs) == 0 {
		epochs = geo.FirstEpochs()
	}
	s := baseStream(c.ID, Replica, formEscaped, c.Replicas, epochs)
	ingest := ingestPrefix(c.ID, secret)
	s.Subjects = []string{ingest + ">"}
	s.SubjectTransform = replicaTransform(c.ID)
	s.Duplicates = leastDedupeWindow
	if c.First > 1 {
		s.FirstSeq = uint64(c.First)
	}
	return s
}

// ingestPrefix stands in front of an entry's subject on its way into a replica,
// or into an origin behind its fence.
func ingestPrefix(id geo.CommitLog, secret []byte) string {
	return ingestOf(id, ingestToken(secret, id.Stream()))
}

const ingestStart = "geomq.r."

func ingestOf(id geo.CommitLog, token string) string {
	return ingestStart + token + "." + string(id.Origin) + "." + id.Queue.Label() + "."
}

func limit(n int64) int64 {
	if n <= 0 {
		return unlimited
	}
	return n
}

// dedupeWindow keeps JetStream's rule that a window isn't longer than messages
// live.
func dedupeWindow(window, maxAge time.Duration) time.Duration {
	if window <= 0 {
		window = defaultDedupeWindow
	}
	window = max(window, leastDedupeWindow)
	if maxAge > 0 {
		window = min(window, maxAge)
	}
	return window
}
