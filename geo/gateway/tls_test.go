package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo/gateway"
)

// identity is a certificate for 127.0.0.1 that is its own authority.
type identity struct {
	cert, key string // files
	pair      tls.Certificate
	pool      *x509.CertPool
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gateway test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	i := identity{cert: filepath.Join(t.TempDir(), "cert.pem"), key: filepath.Join(t.TempDir(), "key.pem"), pool: x509.NewCertPool()}
	write := func(file, kind string, bytes []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(i.cert, "CERTIFICATE", der)
	write(i.key, "EC PRIVATE KEY", secret)
	if i.pair, err = tls.LoadX509KeyPair(i.cert, i.key); err != nil {
		t.Fatal(err)
	}
	i.pool.AddCert(i.pair.Leaf)
	return i
}

// block is the TLS part of a server's configuration.
func (i identity) block(more string) string {
	return fmt.Sprintf("tls {cert_file: %q, key_file: %q, ca_file: %q, timeout: 5, %s}\n", i.cert, i.key, i.cert, more)
}

func (i identity) trusted() nats.Option { return nats.Secure(&tls.Config{RootCAs: i.pool}) }

// works publishes a message to itself.
func works(t *testing.T, nc *nats.Conn) {
	t.Helper()
	sub, err := nc.SubscribeSync("echo")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("echo", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.NextMsg(10 * time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestTLSPassesThrough(t *testing.T) {
	t.Parallel()
	i := newIdentity(t)
	g := startGateway(t, gateway.Config{}, backendOf("a", startServer(t, i.block(""))))
	works(t, connect(t, g.Addr(), i.trusted()))
	if _, err := nats.Connect("nats://"+g.Addr(), nats.Secure(&tls.Config{RootCAs: x509.NewCertPool()})); err == nil {
		t.Error("a client that trusts nobody was let in")
	}
}

func TestTLSWithClientCertificatesPassesThroughAndIsProbedByItsGreeting(t *testing.T) {
	t.Parallel()
	i := newIdentity(t)
	g := startGateway(t, gateway.Config{}, backendOf("a", startServer(t, i.block("verify: true"))))
	works(t, connect(t, g.Addr(), i.trusted(), nats.ClientCert(i.cert, i.key)))
	if _, err := nats.Connect("nats://"+g.Addr(), i.trusted()); err == nil {
		t.Error("a client without a certificate was let in")
	}
}

func TestTLSFromTheFirstByteOnPassesThrough(t *testing.T) {
	t.Parallel()
	i := newIdentity(t)
	s := startServer(t, i.block("handshake_first: true"))
	g := startGateway(t, gateway.Config{TLS: gateway.TLS{HandshakeFirst: true}}, backendOf("a", s))
	works(t, connect(t, g.Addr(), i.trusted(), nats.TLSHandshakeFirst()))
	s.Shutdown()
	await(t, 5*time.Second, func() error { return g.are(gateway.StateDead, "a") })
}

func TestTLSEndsAtTheGateway(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"after the greeting": false, "from the first byte on": true} {
		t.Run(name, func(t *testing.T) {
			i := newIdentity(t)
			s := startServer(t, "")
			g := startGateway(t, gateway.Config{
				HandshakeTimeout: 500 * time.Millisecond,
				TLS:              gateway.TLS{Server: &tls.Config{Certificates: []tls.Certificate{i.pair}}, HandshakeFirst: first},
			}, backendOf("a", s))
			options := []nats.Option{i.trusted()}
			if first {
				options = append(options, nats.TLSHandshakeFirst())
			}
			nc := connect(t, g.Addr(), options...)
			works(t, nc)
			if found := nc.DiscoveredServers(); len(found) > 1 {
				t.Errorf("the client knows of %v", found)
			}
			conn, r := talk(t, g.Addr())
			_, _ = io.WriteString(conn, "CONNECT {}\r\nPING\r\n") // it may be cut off
			ended(t, r)
			await(t, 5*time.Second, func() error {
				if n := g.row("a").Closed[gateway.CauseStranger] + g.Status().Closed[gateway.CauseStranger]; n != 1 {
					return fmt.Errorf("a client in clear: %d strangers", n)
				}
				return nil
			})
		})
	}
}

func TestTLSEndsAtTheGatewayAndBeginsAnewToTheBackend(t *testing.T) {
	t.Parallel()
	near, far := newIdentity(t), newIdentity(t)
	s := startServer(t, far.block("verify: true"))
	g := startGateway(t, gateway.Config{TLS: gateway.TLS{
		Server:  &tls.Config{Certificates: []tls.Certificate{near.pair}},
		Backend: &tls.Config{RootCAs: far.pool, Certificates: []tls.Certificate{far.pair}},
	}}, backendOf("a", s))
	works(t, connect(t, g.Addr(), near.trusted()))
}
