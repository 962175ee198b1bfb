package broker

import (
	"context"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
)

// Ordinary clients ask for stream infos all the time, and a stream info names
// the subjects that the stream captures: for a replica, the subject at which it
// can be written. So the server maps these requests of everybody in account APP
// to publicAPI, where the agents answer with the tokens left out; rawAPI is
// mapped to the endpoints themselves, and since permissions are checked behind
// the mapping, clients are refused there.
const (
	publicAPI = "GEOMQ.API."
	rawAPI    = "geomq.raw."
	jsAPI     = "$JS.API."
)

// tellSubjects are the endpoints whose answers name captured subjects.
var tellSubjects = []string{"STREAM.INFO.*", "STREAM.LIST"}

// mappings are pairs of the subject that is published to and the one meant. They
// are few because the server tries each of them for every message that comes in.
func mappings(domain string) [][2]string {
	const info = "STREAM.INFO."
	return [][2]string{
		{jsAPI + info + "*", publicAPI + info + "{{wildcard(1)}}"},
		{"$JS." + domain + ".API." + info + "*", publicAPI + info + "{{wildcard(1)}}"},
		{jsAPI + "STREAM.LIST", publicAPI + "STREAM.LIST"},
		{rawAPI + ">", jsAPI + ">"},
	}
}

// endpointSubject is where the agent asks JetStream.
func endpointSubject(endpoint string) string {
	if strings.HasPrefix(endpoint, "STREAM.INFO.") || endpoint == "STREAM.LIST" {
		return rawAPI + endpoint
	}
	return jsAPI + endpoint
}

// ingestToken as it stands in captured subjects.
var tokens = regexp.MustCompile(`geomq\.(r|seal|j)\.[0-9a-f]{32}`)

func withoutTokens(answer []byte) []byte {
	return tokens.ReplaceAll(answer, []byte("geomq.$1.hidden"))
}

// notAvailable is JetStream's own answer while it can't give another.
const notAvailable = `{"type":"io.nats.jetstream.api.v1.system_response",` +
	`"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`

// servePublic answers clients' questions about streams until the connection is
// closed. Every broker of a cluster does, each question goes to one.
func servePublic(conn *nats.Conn) error {
	for _, endpoint := range tellSubjects {
		_, err := conn.QueueSubscribe(publicAPI+endpoint, "geomq", func(m *nats.Msg) { answerPublic(conn, m) })
		if err != nil {
			return err
		}
	}
	return conn.Flush()
}

func answerPublic(conn *nats.Conn, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	answer := []byte(notAvailable)
	got, err := conn.RequestWithContext(ctx, endpointSubject(strings.TrimPrefix(m.Subject, publicAPI)), m.Data)
	if err == nil {
		answer = withoutTokens(got.Data)
	}
	// The client may be gone; nobody else waits for it.
	_ = m.Respond(answer)
}
