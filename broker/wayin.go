package broker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// A replica is written at a subject that only geomq can know. A chained Appender
// goes further: it moves the replica's stream to a subject of its own, made up
// for this one opening, and begins when everything that was sent to the one
// before is stored or lost. So whatever an earlier Appender left on its way, and
// whoever else knows the deployment's secret, can't write any more, and no entry
// but the Appender's enters in the middle of a chain. Another Appender that is
// opened takes the way in from it in turn; it is told by the first ack that it
// waits for.

// nonceBytes is how much of an own way in's token is random; the rest is derived
// from that and the secret, so that a stream keeps showing whose it is.
const nonceBytes = 4

// ownIngest is an ingest prefix for one Appender.
func ownIngest(id geo.CommitLog, secret []byte) string {
	nonce := make([]byte, nonceBytes)
	rand.Read(nonce) // never fails
	return ingestOf(id, ownToken(id, secret, hex.EncodeToString(nonce)))
}

func ownToken(id geo.CommitLog, secret []byte, nonce string) string {
	mac := derive(secret, "ingest of "+id.Stream()+" by "+nonce)
	return nonce + mac[:32-2*nonceBytes]
}

// replicaTransform stores what comes in at any ingest prefix of a replica under
// the subject behind it. It does not name the token: what waits in the server
// when the way in is taken over is stored by the new transform.
func replicaTransform(id geo.CommitLog) *server.SubjectTransformConfig {
	return ingestTransform(ingestOf(id, "*"))
}

// isOwnIngest tells whether a replica's stream is, or was, some Appender's own.
func isOwnIngest(id geo.CommitLog, secret []byte, c *server.StreamConfig) bool {
	if len(c.Subjects) != 1 {
		return false
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(c.Subjects[0], ingestStart), ".")
	if len(token) != 32 {
		return false
	}
	prefix := ingestOf(id, ownToken(id, secret, token[:2*nonceBytes]))
	return c.Subjects[0] == prefix+">"
}

// wayIn is the prefix at which the log is written now.
func (l *CommitLog) wayIn(ctx context.Context) (string, error) {
	if l.role == Origin {
		return l.ingest, nil
	}
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return "", err
	}
	if len(info.Config.Subjects) != 1 {
		return "", fmt.Errorf("%w: it is written at %d subjects", ErrRefused, len(info.Config.Subjects))
	}
	return strings.TrimSuffix(info.Config.Subjects[0], ">"), nil
}

// takeOver gives the replica a way in that nobody else has, and returns it with
// the exact end, behind everything that came in by the one before.
func (l *CommitLog) takeOver(ctx context.Context) (ingest string, end geo.Offset, err error) {
	ingest = ownIngest(l.id, l.broker.cfg.Secret)
	err = l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
		next := info.Config
		next.Subjects, next.SubjectTransform = []string{ingest + ">"}, replicaTransform(l.id)
		return next, nil
	})
	if err == nil {
		end, err = l.settledEnd(ctx, ingest)
	}
	if err != nil {
		return "", 0, fmt.Errorf("take over: %w", err)
	}
	return ingest, end, nil
}

// withWayIn is what a replica's stream should be, given what it is: a way in that
// is some Appender's own stays, unless the server has become one of a cluster,
// where there are none.
func (b *Broker) withWayIn(have, want *server.StreamConfig) (judged, wanted server.StreamConfig) {
	judged, wanted = *have, *want
	id, err := geo.ParseCommitLog(want.Name)
	if err != nil {
		return judged, wanted
	}
	if slices.Equal(have.Subjects, want.Subjects) && reflect.DeepEqual(have.SubjectTransform, ingestTransform(ingestPrefix(id, b.cfg.Secret))) {
		judged.SubjectTransform = want.SubjectTransform // as builds before chains made it; takeOver changes it
	}
	if !isOwnIngest(id, b.cfg.Secret, have) {
		return judged, wanted
	}
	judged.Subjects = want.Subjects
	if !b.cfg.clustered() {
		wanted.Subjects = have.Subjects
	}
	return judged, wanted
}
