package ledger

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestDamageIsNoticed(t *testing.T) {
	r := lost(orders, 1, 7, "a body").ready()
	damageIsNoticed(t, "record", encode(&r), func(b []byte) error { _, err := decode(b); return err })
	damageIsNoticed(t, "mark", mark{at: noon, as: "ORDERS@us-east/2/9"}.encode(), func(b []byte) error { _, err := decodeMark(b); return err })
}

// damageIsNoticed also cuts off what then gets a right checksum.
func damageIsNoticed(t *testing.T, name string, whole []byte, decode func([]byte) error) {
	if err := decode(whole); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 4
		damaged := map[string][]byte{"cut": whole[:i], "flipped": flipped}
		if i != len(whole)-sumSize {
			damaged["cut and sealed"] = sealed(bytes.Clone(whole[:i]))
		}
		for what, b := range damaged {
			if err := decode(b); !errors.Is(err, ErrRecord) {
				t.Errorf("%s %s at %d: %v", name, what, i, err)
			}
		}
	}
}

// FuzzDecode feeds bytes that nothing of ours wrote, with a right checksum and
// with a wrong one.
func FuzzDecode(f *testing.F) {
	r := lost(orders, 1, 7, "a body").ready()
	f.Add(encode(&r))
	r.Entry.Header, r.At = []byte{}, time.Time{}
	r = r.ready()
	f.Add(encode(&r))
	f.Add(mark{at: noon, as: "ORDERS@us-east/2/9"}.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(bytes.Clone(b)), sealed(append([]byte{codecVersion}, b...))} {
			if r, err := decode(b); err == nil {
				again, err := decode(encode(&r))
				if err != nil || again.Digest != r.Digest || again.Log != r.Log || !again.At.Equal(r.At) {
					t.Errorf("%+v becomes %+v, %v", r, again, err)
				}
			}
			if m, err := decodeMark(b); err == nil {
				if again, err := decodeMark(m.encode()); err != nil || !again.at.Equal(m.at) || again.as != m.as {
					t.Errorf("%+v becomes %+v, %v", m, again, err)
				}
			}
		}
	})
}
