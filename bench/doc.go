// Package bench measures geomq against what NATS brings itself.
//
// Mirror lets a fresh replica catch up with an origin that holds many events:
// once a geomq region over its link, once a JetStream mirror over a leafnode
// connection with s2. All servers run in this process, keep their stores on the
// same disk with the same settings, and go through the same proxies.
//
// Guarantees. Both sides hold the same events and take turns within one run,
// since figures of different runs on a shared machine can't be compared; who
// begins alternates. A replica is empty when its round begins; all else that a
// region keeps stays. Each side has one round for warming up, which is reported
// and doesn't count. A round begins after a garbage collection and ends when the
// replica's broker shows the origin's last offset; every entry must then be
// there. A link's time includes its connecting and asking; a mirror's leafnode
// connection stands before its time begins.
//
// Concurrency. Calls share nothing but the machine, so one at a time measures
// something.
//
// Failure. Any error ends the run; a measurement is never made up for.
//
// To test against it, run Mirror with some thousand events and one round.
package bench
