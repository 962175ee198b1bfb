package ledger

import (
	"bytes"
	"context"
	"errors"
	"iter"
)

// memory is a Store. After crashAfter records PutAll ends with errCrash.
type memory struct {
	records    []Stored
	keys       map[string]int
	crashAfter int
}

var errCrash = errors.New("killed")

func newMemory() *memory { return &memory{keys: map[string]int{}, crashAfter: -1} }

func (m *memory) PutAll(_ context.Context, records iter.Seq2[string, []byte], taken func(Stored, []byte) error) error {
	for key, data := range records {
		if m.crashAfter == 0 {
			return errCrash
		}
		m.crashAfter--
		if len(key) > 256 {
			return errors.New("the key is too long")
		}
		if at, has := m.keys[key]; has {
			if there := m.records[at]; !bytes.Equal(there.Data, data) {
				if err := taken(there, data); err != nil {
					return err
				}
			}
			continue
		}
		m.keys[key] = len(m.records)
		m.records = append(m.records, Stored{Seq: uint64(len(m.records)) + 1, Key: key, Data: bytes.Clone(data)})
	}
	return nil
}

func (m *memory) RecordOf(_ context.Context, key string) (Stored, bool, error) {
	at, has := m.keys[key]
	if !has {
		return Stored{}, false, nil
	}
	return m.records[at], true, nil
}

func (m *memory) Each(_ context.Context, from uint64, each func(Stored) error) error {
	for _, s := range m.records[min(from-1, uint64(len(m.records))):] {
		if err := each(s); err != nil {
			return err
		}
	}
	return nil
}

// damage flips a bit of what stands under a key.
func (m *memory) damage(key string) { m.records[m.keys[key]].Data[20] ^= 1 }
