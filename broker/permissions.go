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
	deny := []string{ownSubjects, "$JS.SNAPSHOT.>"}
	for _, endpoint := range changesStreams {
		// Permissions are checked before the domain's prefix is mapped away.
		deny = append(deny, "$JS.API."+endpoint, "$JS.*.API."+endpoint)
	}
	return deny
}

func clientNeverSubscribes() []string {
	return []string{ownSubjects, "$JS.API.>", "$JS.*.API.>", "$JS.EVENT.ADVISORY.API", "$JS.SNAPSHOT.>"}
}
