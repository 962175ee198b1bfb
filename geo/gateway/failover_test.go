package gateway_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo/gateway"
)

// twoProcesses are two NATS servers in processes of their own, each with a stream.
func twoProcesses(t *testing.T) (*backendProcess, *backendProcess) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	a, b := startProcess(t, ""), startProcess(t, "")
	addStream(t, a.address)
	addStream(t, b.address)
	return a, b
}

// preferred is a's backend, taken while it serves, and b's.
func preferred(a, b *backendProcess) []gateway.Backend {
	second := b.backend("b")
	second.Preference = 1
	return []gateway.Backend{a.backend("a"), second}
}

func TestPublishingGoesOnAfterABackendIsKilled(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	g := startGateway(t, gateway.Config{}, preferred(a, b)...)
	p := startPublishing(t, g.Addr())
	p.firstAckAfter(t, time.Now(), 10*time.Second)
	if got := g.row("a").Connections; got == 0 {
		t.Fatal("the client is not at the preferred backend")
	}
	killed := time.Now()
	a.kill()
	p.firstAckAfter(t, time.Now(), 10*time.Second)
	took := time.Since(killed)
	t.Logf("first ack %s after the kill", took)
	if took > 1500*time.Millisecond {
		t.Errorf("publishing went on after %s only", took)
	}
	await(t, 5*time.Second, func() error { return g.are(gateway.StateDead, "a") })
}

func TestABlackHoleWithoutAResetIsLeftWithinTheBound(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	g := startGateway(t, gateway.Config{}, preferred(a, b)...)
	p := startPublishing(t, g.Addr())
	p.firstAckAfter(t, time.Now(), 10*time.Second)
	stopped := time.Now()
	a.pause()
	p.firstAckAfter(t, stopped.Add(200*time.Millisecond), 10*time.Second)
	took := time.Since(stopped)
	t.Logf("first ack %s after the stop", took)
	if took > 3*time.Second {
		t.Errorf("publishing went on after %s only", took)
	}
	if closed := g.row("a").Closed[gateway.CauseDead]; closed != 1 {
		t.Errorf("a lost %v", g.row("a").Closed)
	}
	a.resume()
	await(t, 20*time.Second, func() error { return g.are(gateway.StateUp, "a") })
	if g.row("b").Connections != 1 {
		t.Error("a backend of the same region that came back took the client away")
	}
}

// A backend that stops for less than the bound, again and again, moves nobody.
func TestABackendThatFlapsFasterThanTheBoundKeepsItsClients(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	g := startGateway(t, gateway.Config{}, preferred(a, b)...)
	reconnects := make(chan struct{}, 100)
	nc := connect(t, g.Addr(), nats.ReconnectHandler(func(*nats.Conn) { reconnects <- struct{}{} }))
	for range 6 {
		a.pause()
		elapse(500 * time.Millisecond)
		a.resume()
		elapse(500 * time.Millisecond)
	}
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if len(reconnects) > 0 {
		t.Errorf("the client had to connect anew %d times: %+v", len(reconnects), g.row("a"))
	}
}

// elapse lets time go by that the faults in a test last.
func elapse(d time.Duration) { <-time.After(d) }

func TestAServerInLameDuckModeHandsItsClientsOver(t *testing.T) {
	t.Parallel()
	a, b := twoProcesses(t)
	g := startGateway(t, gateway.Config{}, preferred(a, b)...)
	nc := connect(t, g.Addr())
	first := serverOf(nc)
	a.leave()
	await(t, 8*time.Second, func() error { // the server itself waits for 10 s
		if !nc.IsConnected() || serverOf(nc) == first {
			return fmt.Errorf("the client is still at %s, which is %s", first, g.row("a").State)
		}
		return nil
	})
	if closed := g.row("a").Closed[gateway.CauseDrained]; closed != 1 {
		t.Errorf("a lost %v", g.row("a").Closed)
	}
}

func TestClientsThatComeWhileNobodyServesAreTakenByTheFirstWhoDoes(t *testing.T) {
	t.Parallel()
	a, _ := twoProcesses(t)
	a.kill()
	g := startGateway(t, gateway.Config{Directory: gateway.Static{a.backend("a")}, Patience: 10 * time.Second})
	await(t, 5*time.Second, func() error { return g.are(gateway.StateRefusing, "a") })
	connected := make(chan error, 1)
	var group sync.WaitGroup
	group.Go(func() {
		nc, err := nats.Connect("nats://"+g.Addr(), nats.Timeout(20*time.Second))
		if err == nil {
			nc.Close()
		}
		connected <- err
	})
	await(t, 5*time.Second, func() error {
		if g.Status().Connections == 0 {
			return fmt.Errorf("no client waits")
		}
		return nil
	})
	a.launch(t)
	group.Wait()
	if err := <-connected; err != nil {
		t.Error(err)
	}
}

func TestAfterAGatewayIsStartedAgainItsClientsComeBack(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	g := startGateway(t, gateway.Config{}, backendOf("a", s))
	address := g.Addr()
	nc := connect(t, address, nats.ReconnectWait(50*time.Millisecond), nats.ReconnectJitter(0, 0))
	g.stop()
	await(t, 5*time.Second, func() error {
		if nc.IsConnected() {
			return fmt.Errorf("the client is still connected")
		}
		return nil
	})
	startGateway(t, gateway.Config{Listen: address}, backendOf("a", s))
	await(t, 10*time.Second, func() error { return nc.FlushTimeout(time.Second) })
}
