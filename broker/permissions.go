package broker

import "strings"

// Clients without credentials may publish and subscribe everywhere, read every
// stream and have consumers. What they may not do is below: write into streams
// of ours, change any stream, or listen to our own requests, which name subjects
// that must stay unknown.

// changesStreams are the endpoints of JetStream's API that change a stream or
// the cluster, behind "$JS.API.".
var changesStreams = []string{
	"STREAM.CREATE.>", "STREAM.UPDATE.>", "STREAM.DELETE.>", "STREAM.PURGE.>",
	"STREAM.MSG.DELETE.>", "STREAM.SNAPSHOT.>", "STREAM.RESTORE.>",
	"STREAM.PEER.>", "STREAM.LEADER.>", "STREAM.CANCEL_MOVE.>",
	"CONSUMER.LEADER.>", "CONSUMER.PEER.>",
	"CONSUMER.PAUSE.>",
	"META.>", "SERVER.>", "ACCOUNT.>",
}

// Permissions alone don't keep clients from these endpoints. JetStream publishes
// stored messages and its answers to whatever reply subject a request names, as
// itself and without asking for anybody's permissions: a client that asks for a
// message with the reply $JS.API.STREAM.PURGE.ORDERS@us-east would purge the
// log. Every request of account APP reaches the endpoints through the system
// account, whose mappings lead those that change something nowhere; ours come
// in there under another subject, as the system user on APP's behalf.

// refusedAPI is where requests end that nobody may make.
const refusedAPI = "geomq.refused."

// systemMappings are the system account's, as pairs of the subject that is
// published to and the one meant.
func systemMappings() [][2]string {
	mappings := [][2]string{{rawAPI + ">", jsAPI + ">"}}
	for _, endpoint := range changesStreams {
		mappings = append(mappings, [2]string{jsAPI + endpoint, refusedAPI + endpoint})
	}
	return mappings
}

// changes tells whether an endpoint is one of changesStreams.
func changes(endpoint string) bool {
	for _, pattern := range changesStreams {
		if strings.HasPrefix(endpoint, strings.TrimSuffix(pattern, ">")) {
			return true
		}
	}
	return false
}

func clientNeverPublishes() []string {
	deny := []string{ownSubjects, "$JS.SNAPSHOT.>",
		// They tell of subscriptions, and so of tokens (see public.go).
		"$SYS.REQ.ACCOUNT.>", "$SYS.REQ.SERVER.>"}
	for _, endpoint := range tellSubjects {
		deny = append(deny, jsAPI+endpoint, "$JS.*.API."+endpoint)
	}
	for _, endpoint := range changesStreams {
		// The server maps the domain's prefix away; that it does so before it
		// checks permissions is not promised anywhere.
		deny = append(deny, jsAPI+endpoint, "$JS.*.API."+endpoint)
	}
	return deny
}

func clientNeverSubscribes() []string {
	return []string{ownSubjects, publicAPI + ">", shutSubject + ">", "$JS.API.>", "$JS.*.API.>", "$JS.EVENT.ADVISORY.API", "$JS.SNAPSHOT.>"}
}
