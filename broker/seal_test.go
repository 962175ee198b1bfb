package broker

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"geomq/geo"
)

func sealOf(block geo.Block, absent ...geo.Offset) geo.Seal {
	s := geo.Seal{Block: block, Absent: absent}
	for i := range s.Digest {
		s.Digest[i] = byte(block) + byte(i)
	}
	return s
}

func TestSealsAreWrittenOnce(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	b := openBroker(t, cfg)
	l := openReplica(t, b, 1)
	if _, any, err := l.SealedTo(deadline(t)); any || err != nil {
		t.Fatalf("got %v, %v", any, err)
	}
	var want []geo.Seal
	for block := geo.Block(3); block < 20; block++ {
		s := sealOf(block, block.Range().First, block.Range().Last)
		want = append(want, s)
		for range 2 { // the same again is nothing new
			if err := l.PutSeal(deadline(t), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.PutSeal(deadline(t), sealOf(5)); !errors.Is(err, ErrSealed) {
		t.Fatalf("another seal for block 5: %v", err)
	}
	b.Close()
	l, err := openBroker(t, cfg).Lookup(deadline(t), orders)
	if err != nil {
		t.Fatal(err)
	}
	if to, any, err := l.SealedTo(deadline(t)); to != 19 || !any || err != nil {
		t.Fatalf("got %d, %v, %v", to, any, err)
	}
	if got, err := l.Seals(deadline(t), 0, 1000); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
	if got, err := l.Seals(deadline(t), 7, 8); err != nil || !reflect.DeepEqual(got, want[4:6]) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAnOriginSurvivesANewSecret(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	if err := openOrigin(t, b).PutSeal(deadline(t), sealOf(0)); err != nil {
		t.Fatal(err)
	}
	b.Close()
	cfg.Secret = []byte("another secret")
	l := openOrigin(t, openBroker(t, cfg))
	if err := l.PutSeal(deadline(t), sealOf(1)); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Seals(deadline(t), 0, 5); err != nil || len(got) != 2 {
		t.Fatalf("%d seals, %v", len(got), err)
	}
}

func TestSealsAreTrimmedWithTheirBlocks(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	if err := l.TrimSeals(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	for block := geo.Block(0); block < 5; block++ {
		if err := l.PutSeal(deadline(t), sealOf(block)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		first geo.Offset
		left  int
	}{{1, 5}, {1024, 5}, {1025, 4}, {3000, 3}, {1_000_000, 1}} {
		if err := l.TrimSeals(deadline(t), step.first); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Seals(deadline(t), 0, 100); err != nil || len(got) != step.left {
			t.Fatalf("trimmed to %d there are %d seals, %v", step.first, len(got), err)
		}
	}
}

func TestSealsBehindALostTailAreDropped(t *testing.T) {
	l := openOrigin(t, openBroker(t, testConfig(t, "us-east")))
	for block := geo.Block(0); block < 5; block++ {
		if err := l.PutSeal(deadline(t), sealOf(block)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.DropSeals(deadline(t), 3*geo.BlockSize+1); err != nil {
		t.Fatal(err)
	}
	if to, any, err := l.SealedTo(deadline(t)); to != 2 || !any || err != nil {
		t.Fatalf("sealed to block %d, %t, %v", to, any, err)
	}
	other := sealOf(3)
	other.Digest[0] ^= 1
	if err := l.PutSeal(deadline(t), other); err != nil {
		t.Fatalf("the dropped seal is still in the way: %v", err)
	}
	if err := l.DropSeals(deadline(t), 0); err != nil {
		t.Fatal(err)
	}
	if _, any, err := l.SealedTo(deadline(t)); any || err != nil {
		t.Fatalf("still sealed: %t, %v", any, err)
	}
}

func TestSealCodec(t *testing.T) {
	for _, s := range []geo.Seal{sealOf(0), sealOf(7, 7169, 7170, 8192), sealOf(1 << 40)} {
		b := encodeSeal(s)
		got, err := decodeSeal(b)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("got %+v, %v, want %+v", got, err, s)
		}
		for i := range b {
			for _, damaged := range [][]byte{b[:i], flipped(b, i)} {
				if _, err := decodeSeal(damaged); !errors.Is(err, ErrSeal) {
					t.Fatalf("damaged at %d it was read: %v", i, err)
				}
			}
		}
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x10
	return b
}

func FuzzSeal(f *testing.F) {
	f.Add(encodeSeal(sealOf(0)))
	f.Add(encodeSeal(sealOf(7, 7169, 7170, 8192)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeSeal(b); err == nil && !bytes.Equal(encodeSeal(s), b) {
			// A number may be written longer than needed; its meaning counts.
			again, err := decodeSeal(encodeSeal(s))
			if err != nil || !reflect.DeepEqual(again, s) {
				t.Fatalf("%+v became %+v, %v", s, again, err)
			}
		}
	})
}
