package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo/gateway"
)

// serverEnv has the test's program be a NATS server with the configuration that it
// names, so that tests can kill and stop a real process.
const serverEnv = "GEOMQ_GATEWAY_TEST_SERVER"

// gatewayEnv has it be a gateway to the backend that it names.
const gatewayEnv = "GEOMQ_GATEWAY_TEST_GATEWAY"

func TestMain(m *testing.M) {
	if file := os.Getenv(serverEnv); file != "" {
		os.Exit(beServer(file))
	}
	if address := os.Getenv(gatewayEnv); address != "" {
		os.Exit(beGateway(address))
	}
	os.Exit(m.Run())
}

func beServer(file string) int {
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	opts.NoLog = true
	s, err := server.NewServer(opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Start() // which also has SIGUSR2 begin the lame duck mode
	if !s.ReadyForConnections(20 * time.Second) {
		return 1
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // it ends with whoever started us
	return 0
}

func beGateway(address string) int {
	g, err := gateway.New(gateway.Config{
		Listen: "127.0.0.1:0", Directory: gateway.Static{{Name: "a", Region: "us-east", NATS: address}},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(g.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // it ends with whoever started us
		cancel()
	}()
	if err := g.Run(ctx); err != nil {
		return 1
	}
	return 0
}

// backendProcess is a NATS server in a process of its own.
type backendProcess struct {
	cmd     *exec.Cmd
	file    string
	address string
}

// freePort is one below those that systems give to outgoing connections.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// startProcess starts a NATS server with JetStream and whatever else conf says.
func startProcess(t testing.TB, conf string) *backendProcess {
	t.Helper()
	dir := t.TempDir()
	port := freePort(t)
	b := &backendProcess{file: filepath.Join(dir, "server.conf"), address: fmt.Sprintf("127.0.0.1:%d", port)}
	text := fmt.Sprintf("host: 127.0.0.1\nport: %d\nserver_name: s%d\njetstream {store_dir: %q}\n%s", port, port, dir, conf)
	if err := os.WriteFile(b.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.launch(t)
	return b
}

func (b *backendProcess) launch(t testing.TB) {
	t.Helper()
	var said string
	if b.cmd, said = launch(t, serverEnv+"="+b.file); said != "ready" {
		t.Fatalf("the server says %q", said)
	}
}

// launch starts the test's own program as something else, which ends with the test,
// and returns the first line that it says.
func launch(t testing.TB, as string) (cmd *exec.Cmd, said string) {
	t.Helper()
	cmd = exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), as)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

func (b *backendProcess) kill()   { _ = b.cmd.Process.Kill(); _ = b.cmd.Wait() }
func (b *backendProcess) pause()  { _ = b.cmd.Process.Signal(syscall.SIGSTOP) }
func (b *backendProcess) leave()  { _ = b.cmd.Process.Signal(syscall.SIGUSR2) }
func (b *backendProcess) resume() { _ = b.cmd.Process.Signal(syscall.SIGCONT) }

func (b *backendProcess) backend(name string) gateway.Backend {
	return gateway.Backend{Name: name, Region: "us-east", NATS: b.address}
}

// startServer starts a NATS server in the test's own process.
func startServer(t testing.TB, conf string) *server.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte("host: 127.0.0.1\nport: -1\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func backendOf(name string, s *server.Server) gateway.Backend {
	return gateway.Backend{Name: name, Region: "us-east", NATS: s.Addr().String()}
}

// running is a Gateway that runs until the test ends.
type running struct {
	*gateway.Gateway
	stop func()
}

func startGateway(t testing.TB, cfg gateway.Config, backends ...gateway.Backend) running {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Directory == nil {
		cfg.Directory = gateway.Static(backends)
	}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	if cfg.DrainTime == 0 {
		cfg.DrainTime = 20 * time.Millisecond
	}
	g, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	r := running{g, stop}
	if len(backends) > 0 {
		await(t, 10*time.Second, func() error { return r.are(gateway.StateUp, names(backends)...) })
	}
	return r
}

func names(backends []gateway.Backend) []string {
	var all []string
	for _, b := range backends {
		all = append(all, b.Name)
	}
	return all
}

func (r running) row(name string) gateway.BackendStatus {
	for _, b := range r.Status().Backends {
		if b.Name == name {
			return b
		}
	}
	return gateway.BackendStatus{}
}

func (r running) are(state gateway.State, names ...string) error {
	for _, name := range names {
		if b := r.row(name); b.State != state {
			return fmt.Errorf("%s is %s (%s), not %s", name, b.State, b.Why, state)
		}
	}
	return nil
}

// await returns when condition returns nil.
func await(t testing.TB, patience time.Duration, condition func() error) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within %s: %v", patience, err)
		}
	}
}

// connect is a client with default reconnects.
func connect(t testing.TB, address string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("nats://"+address, append([]nats.Option{nats.MaxReconnects(-1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// addStream makes a stream for orders.> on a server, not through the gateway.
func addStream(t testing.TB, address string) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(connect(t, address))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serverOf is the name of the server that answers nc, read from its INFO.
func serverOf(nc *nats.Conn) string { return nc.ConnectedServerName() }

// publishing publishes with acks, 2,000 a second, and notes the times of acks.
type publishing struct {
	acks   chan time.Time
	failed chan error
	stop   chan struct{}
	done   chan struct{}
}

func startPublishing(t testing.TB, address string) *publishing {
	t.Helper()
	nc := connect(t, address)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	p := &publishing{acks: make(chan time.Time, 1<<20), failed: make(chan error, 1<<20), stop: make(chan struct{}), done: make(chan struct{})}
	go p.run(js)
	t.Cleanup(p.end)
	return p
}

func (p *publishing) run(js jetstream.JetStream) {
	defer close(p.done)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
		}
		for range 20 {
			n++
			ack, err := js.PublishAsync("orders.created", fmt.Appendf(nil, "%d", n), jetstream.WithRetryAttempts(0))
			if err != nil {
				p.failed <- err
				continue
			}
			go func() {
				select {
				case <-ack.Ok():
					p.acks <- time.Now()
				case err := <-ack.Err():
					p.failed <- err
				case <-p.stop:
				}
			}()
		}
	}
}

func (p *publishing) end() {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	<-p.done
}

// firstAckAfter is how long after at the first ack came.
func (p *publishing) firstAckAfter(t testing.TB, at time.Time, patience time.Duration) time.Duration {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case ack := <-p.acks:
			if ack.After(at) {
				return ack.Sub(at)
			}
		case <-deadline:
			t.Fatalf("no ack within %s", patience)
		}
	}
}

// talk connects raw and returns the connection with a reader.
func talk(t testing.TB, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func line(t testing.TB, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text)
}

// ended waits until the other side closes the connection.
func ended(t testing.TB, r *bufio.Reader) {
	t.Helper()
	if _, err := io.Copy(io.Discard, r); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection was not closed")
	}
}
