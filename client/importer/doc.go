// Package importer publishes the lines of an NDJSON file into a log, each once.
//
// # Guarantees
//
// Every line that is reported as acknowledged is in the log. Every line carries
// a Nats-Msg-Id, so one that is sent again because its acknowledgement did not
// come is recognised by the log within its duplicate window; where an outage may
// have lasted longer than half of that window, the log is searched for the
// lines in doubt before they are sent again. A run that ends well has therefore
// put each line into the log exactly once, restarts of the broker included.
//
// With Config.Dedupe the ids are derived from the file's content and the line's
// number, and the log is searched for them first: a second run of the same file
// adds nothing, however late it comes and whether the file is compressed or not.
// The ids don't depend on topic and key, so the same file can be imported into
// one log once. Without Dedupe the ids are those of the run, and a second run
// adds every line again.
//
// Lines of one subject stay in the order of the file. The exception: if the log
// refuses a line (too busy, changing its leader) while it takes a later one of
// the same subject that was already on its way. Such lines are counted in
// Result.Reordered; a Config.Window of 1 rules them out.
//
// # How it works
//
// One goroutine reads, splits and checks lines; another takes the acknowledgements
// from the wire; the one that called Run owns everything else: what is in flight
// (flight, a pure data structure) and what to do when the broker does not answer
// (recovery, a pure state machine). On any failure sending stops, what is out is
// given time to settle, one line is sent as a probe, and sending goes on from the
// first line that is not acknowledged. Each connection that lines are sent on is
// used until it breaks and never mended behind the sender's back: what got lost
// with it is then always sent again before anything new.
//
// # Failure
//
// Run waits for a broker that went away for Config.Patience and then returns
// *Stopped, which says how many lines are acknowledged and from which line to go
// on. A malformed line is skipped and reported, or ends the run, as Config.OnError
// says.
//
// # Concurrency
//
// Any number of Runs may go on at the same time, each with an Input of its own.
// Callbacks are called on the goroutine that called Run and hold it up.
//
// # Testing against it
//
// It needs a NATS server with JetStream and a stream that captures the topic.
// Config.OnAck and Config.AckLog tell a test exactly what was acknowledged.
package importer
