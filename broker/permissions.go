package broker

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
	"META.>", "SERVER.>", "ACCOUNT.>",
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
	return []string{ownSubjects, publicAPI + ">", "$JS.API.>", "$JS.*.API.>", "$JS.EVENT.ADVISORY.API", "$JS.SNAPSHOT.>"}
}
