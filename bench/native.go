package bench

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"geomq/bench/delay"
	"geomq/broker/native"
)

// nativeStream is the origin's name, and its mirror's.
const nativeStream = "ORDERS"

// nativeSide is a plain NATS server with leaves that mirror it.
type nativeSide struct {
	hub   *native.Server
	proxy *delay.Proxy
}

func openNative(ctx context.Context, dir string) (*nativeSide, error) {
	hub, err := native.OpenHub(dir)
	if err != nil {
		return nil, err
	}
	s := &nativeSide{hub: hub}
	if s.proxy, err = delay.Listen(hub.LeafAddr()); err != nil {
		return nil, errors.Join(err, hub.Close())
	}
	if err := hub.CreateOrigin(ctx, nativeStream, topics); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *nativeSide) name() string                { return Native }
func (s *nativeSide) producers() (string, string) { return s.hub.URL(), nativeStream }

// attach creates a mirror once the leafnode connection stands.
func (s *nativeSide) attach(ctx context.Context, dir string, roundTrip time.Duration) (replica, error) {
	path := s.proxy.Open(roundTrip)
	leaf, err := native.OpenLeaf(filepath.Join(dir, "data"), s.proxy.Addr())
	if err != nil {
		return nil, err
	}
	if err := leaf.AwaitHub(ctx); err != nil {
		return nil, errors.Join(err, leaf.Close())
	}
	r := &nativeReplica{leaf: leaf, path: path, before: path.Bytes(), at: time.Now()}
	if err := leaf.CreateMirror(ctx, nativeStream); err != nil {
		return nil, errors.Join(err, leaf.Close())
	}
	return r, nil
}

func (s *nativeSide) close() error { return errors.Join(s.proxy.Close(), s.hub.Close()) }

type nativeReplica struct {
	leaf   *native.Server
	path   *delay.Path
	before uint64
	at     time.Time
}

func (r *nativeReplica) began() time.Time { return r.at }
func (r *nativeReplica) wire() uint64     { return r.path.Bytes() - r.before }
func (r *nativeReplica) clients() string  { return r.leaf.URL() }
func (r *nativeReplica) close() error     { return r.leaf.Close() }
