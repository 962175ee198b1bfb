package wire

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// version is what the server shows as this client's version.
const version = "1.0.0"

// serverInfo is what we read of an INFO.
type serverInfo struct {
	ID           string `json:"server_id"`
	Name         string `json:"server_name"`
	Headers      bool   `json:"headers"`
	MaxPayload   int64  `json:"max_payload"`
	TLSRequired  bool   `json:"tls_required"`
	TLSAvailable bool   `json:"tls_available"`
	LameDuck     bool   `json:"ldm"`
}

// connectOptions is the body of a CONNECT.
type connectOptions struct {
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	TLSRequired  bool   `json:"tls_required"`
	Headers      bool   `json:"headers"`
	NoResponders bool   `json:"no_responders"`
	Echo         bool   `json:"echo"`
	Protocol     int    `json:"protocol"` // 1: the server may send INFO at any time
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	Name         string `json:"name,omitempty"`
	User         string `json:"user,omitempty"`
	Password     string `json:"pass,omitempty"`
	Token        string `json:"auth_token,omitempty"`
}

// handshake is a connection on its way to being a Conn. It runs in the
// goroutine of Dial.
type handshake struct {
	cfg    Config
	target target
	raw    net.Conn // what Dial opened
	conn   net.Conn // raw, or TLS over it
	in     *inbound
	info   serverInfo
}

func (cfg Config) open(ctx context.Context) (*handshake, error) {
	h := &handshake{cfg: cfg, in: newInbound(cfg.ReadBuffer, cfg.MaxMessage)}
	var err error
	if cfg.Dial != nil {
		h.raw, err = cfg.Dial(ctx)
	} else {
		if h.target, err = parseURL(cfg.URL); err != nil {
			return nil, err
		}
		var d net.Dialer
		h.raw, err = d.DialContext(ctx, "tcp", h.target.address)
	}
	if err != nil {
		return nil, err
	}
	h.conn = h.raw
	return h, nil
}

// run goes through INFO, TLS, CONNECT, PING and PONG. When ctx ends, so does
// every read and write of it.
func (h *handshake) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { h.raw.SetDeadline(time.Unix(1, 0)) })
	err := h.steps()
	if !stop() {
		return fmt.Errorf("handshake not finished: %w", context.Cause(ctx))
	}
	return err
}

func (h *handshake) steps() error {
	if err := h.readInfo(); err != nil {
		return err
	}
	if err := h.upgrade(); err != nil {
		return err
	}
	if err := h.connect(); err != nil {
		return err
	}
	return h.awaitPong()
}

func (h *handshake) readInfo() error {
	var o op
	if err := h.next(&o); err != nil {
		return err
	}
	if o.kind != kindInfo {
		return fmt.Errorf("%w: the server did not begin with INFO", ErrProtocol)
	}
	if err := h.noteInfo(o.text); err != nil {
		return err
	}
	if !h.info.Headers {
		return fmt.Errorf("%w: the server doesn't support headers", ErrConfig)
	}
	return nil
}

func (h *handshake) noteInfo(text []byte) error {
	if err := json.Unmarshal(text, &h.info); err != nil {
		return fmt.Errorf("%w: INFO: %v", ErrProtocol, err)
	}
	h.in.maxMessage = max(h.cfg.MaxMessage, int(h.info.MaxPayload))
	return nil
}

// upgrade puts TLS over the connection if either side insists.
func (h *handshake) upgrade() error {
	wanted := h.cfg.TLS != nil || h.target.tls
	if !wanted && !h.info.TLSRequired {
		return nil
	}
	if !h.info.TLSRequired && !h.info.TLSAvailable {
		return fmt.Errorf("%w: it is asked for here but not offered there", ErrTLS)
	}
	if h.in.pending() > 0 {
		return fmt.Errorf("%w: bytes before the handshake", ErrTLS)
	}
	settings := &tls.Config{}
	if h.cfg.TLS != nil {
		settings = h.cfg.TLS.Clone()
	}
	if settings.ServerName == "" {
		settings.ServerName = h.target.host
	}
	secure := tls.Client(h.raw, settings)
	if err := secure.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	h.conn = secure
	return nil
}

func (h *handshake) connect() error {
	options := connectOptions{
		TLSRequired: h.conn != h.raw, Headers: true, NoResponders: true, Echo: true,
		Protocol: 1, Lang: "go", Version: version, Name: h.cfg.Name,
		User: h.cfg.User, Password: h.cfg.Password, Token: h.cfg.Token,
	}
	if options.User == "" {
		options.User, options.Password = h.target.user, h.target.password
	}
	body, err := json.Marshal(options)
	if err != nil {
		return err
	}
	return h.send("CONNECT " + string(body) + "\r\nPING\r\n")
}

// awaitPong waits for the answer that shows that the server took the CONNECT.
func (h *handshake) awaitPong() error {
	var o op
	for {
		if err := h.next(&o); err != nil {
			return err
		}
		var err error
		switch o.kind {
		case kindPong:
			return nil
		case kindPing:
			err = h.send("PONG\r\n")
		case kindInfo:
			err = h.noteInfo(o.text)
		}
		if err != nil {
			return err
		}
	}
}

// next reads one operation; an -ERR comes back as *ServerError.
func (h *handshake) next(o *op) error {
	for {
		if err := h.in.next(o); err != nil {
			return err
		}
		if o.kind == kindErr {
			return &ServerError{Text: string(o.text)}
		}
		if o.kind != kindNone {
			return nil
		}
		n, err := h.conn.Read(h.in.free())
		h.in.add(n)
		if err != nil && n == 0 {
			return err
		}
	}
}

func (h *handshake) send(text string) error {
	_, err := h.conn.Write([]byte(text))
	return err
}
