package broker

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// shutSubject is where publishes to a shut topic lead: nobody may listen there,
// so that a client learns at once that nothing took its message. It lies outside
// of "geomq.": permissions are checked behind a mapping, and a client is to be
// told "no responders", not that it did something forbidden.
const shutSubject = "GEOMQ.SHUT."

// Shut keeps clients' publishes to topics from reaching their logs: they are
// answered with "no responders" and stored nowhere, while everything that is
// stored can still be read. It counts for connections that exist already, and
// for messages that the server has not looked at yet; what was let in before may
// still be stored (CommitLog.Fence waits for that). Every broker of a cluster
// shuts for the clients that are connected to it.
//
// What JetStream itself publishes, for a client that names a topic as the reply
// of a request to it, passes the gate; a fence is closed to that too.
func (b *Broker) Shut(topics []geo.Topic) error {
	b.gate.Lock()
	defer b.gate.Unlock()
	for _, topic := range topics {
		if err := shut(b.server(), topic); err != nil {
			return err
		}
		b.shut[topic] = true
	}
	return nil
}

// Admit lets clients publish to topics again. Topics that aren't shut stay as
// they are.
func (b *Broker) Admit(topics []geo.Topic) {
	b.gate.Lock()
	defer b.gate.Unlock()
	app, err := b.server().LookupAccount(accountApp)
	for _, topic := range topics {
		delete(b.shut, topic)
		if err == nil {
			app.RemoveMapping(string(topic))
		}
	}
}

// install makes s, which is about to start, the broker's server, with the gate as
// it stands: there is no moment at which a client gets through, nor one at which
// a Shut is brought to the server before only.
func (b *Broker) install(s *server.Server, log *engineLog) error {
	b.gate.Lock()
	defer b.gate.Unlock()
	b.engine.use(s, log)
	for topic := range b.shut {
		if err := shut(s, topic); err != nil {
			return err
		}
	}
	return nil
}

func shut(s *server.Server, topic geo.Topic) error {
	app, err := s.LookupAccount(accountApp)
	if err != nil {
		return fmt.Errorf("shut %s: %w", topic, err)
	}
	if err := app.AddMapping(string(topic), shutDestination(topic)); err != nil {
		return fmt.Errorf("shut %s: %w", topic, err)
	}
	return nil
}

// shutDestination drops the topic's tokens, as far as the server allows: where a
// source ends in ">", its destination must too.
func shutDestination(topic geo.Topic) string {
	if strings.HasSuffix(string(topic), ".>") {
		return shutSubject + ">"
	}
	return shutSubject + "x"
}
