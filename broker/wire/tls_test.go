package wire_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/broker/wire"
)

// certificate makes a self-signed one for 127.0.0.1 and a pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLSIsUsedWhereItIsAskedFor(t *testing.T) {
	cert, pool := certificate(t)
	s := startServer(t, func(o *server.Options) {
		o.TLS = true
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		o.TLSTimeout = 5
	})
	c := dial(t, s, wire.Config{TLS: &tls.Config{RootCAs: pool}, PingInterval: 200 * time.Millisecond})
	got := collect(t, c, "a")
	// Idle long enough for reads to time out: TLS must survive that.
	select {
	case <-c.Done():
		t.Fatalf("ended while idle: %v", c.Err())
	case <-time.After(500 * time.Millisecond):
	}
	if err := c.Publish("a", "", nil, make([]byte, 300_000)); err != nil {
		t.Fatal(err)
	}
	if m := await(t, "the message", got); len(m.Body) != 300_000 {
		t.Errorf("%d bytes", len(m.Body))
	}
	shown, err := s.Connz(nil)
	if err != nil || len(shown.Conns) != 1 || shown.Conns[0].TLSVersion == "" {
		t.Errorf("the server sees no TLS: %v", err)
	}
	var unknown *tls.CertificateVerificationError
	if _, err := wire.Dial(t.Context(), wire.Config{URL: s.ClientURL()}); !errors.As(err, &unknown) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

func TestTLSThatIsNotOfferedIsNotGivenUpSilently(t *testing.T) {
	s := startServer(t, nil)
	if _, err := wire.Dial(t.Context(), wire.Config{URL: s.ClientURL(), TLS: &tls.Config{}}); !errors.Is(err, wire.ErrTLS) {
		t.Errorf("with a TLS config: %v", err)
	}
	if _, err := wire.Dial(t.Context(), wire.Config{URL: "tls://" + s.Addr().String()}); !errors.Is(err, wire.ErrTLS) {
		t.Errorf("with a tls:// address: %v", err)
	}
}
