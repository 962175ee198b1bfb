package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"geomq/broker"
	"geomq/geo"
	"geomq/mirror/scrub"
)

// patches keeps the patches of one log in a journal that all logs share. A patch
// is written under keys of its own before its block's key leads to it, so that a
// crash leaves the old one, the new one or none; what is missing is fetched again.
type patches struct {
	journal *broker.Journal
	log     geo.CommitLog
}

// patchPlace is what stands under a block's key.
type patchPlace struct {
	ID    string `json:"id"`
	Parts int    `json:"parts"`
}

func (p patches) key(block geo.Block) string {
	return p.log.Stream() + "/" + strconv.FormatUint(uint64(block), 10)
}

func (p patches) part(block geo.Block, id string, i int) string {
	return fmt.Sprintf("%s/%s/%d", p.key(block), id, i)
}

// Put implements scrub.Patches.
func (p patches) Put(ctx context.Context, patch scrub.Patch) error {
	place := patchPlace{ID: uuid.NewString()}
	for _, part := range patch.Parts(p.journal.MaxData() / 2) {
		if _, err := p.journal.Put(ctx, p.part(patch.Block, place.ID, place.Parts), part); err != nil {
			return err
		}
		place.Parts++
	}
	if err := p.Drop(ctx, patch.Block); err != nil {
		return err
	}
	body, err := json.Marshal(place)
	if err == nil {
		_, err = p.journal.Put(ctx, p.key(patch.Block), body)
	}
	return err
}

func (p patches) place(ctx context.Context, block geo.Block) (place patchPlace, seq uint64, err error) {
	record, ok, err := p.journal.RecordOf(ctx, p.key(block))
	if err == nil && !ok {
		err = scrub.ErrNoPatch
	}
	if err != nil {
		return place, 0, err
	}
	if err := json.Unmarshal(record.Data, &place); err != nil {
		return place, record.Seq, fmt.Errorf("%w: %w", scrub.ErrPatch, err)
	}
	return place, record.Seq, nil
}

// Get implements scrub.Patches.
func (p patches) Get(ctx context.Context, block geo.Block) (scrub.Patch, error) {
	place, _, err := p.place(ctx, block)
	if err != nil {
		return scrub.Patch{}, err
	}
	var parts [][]byte
	for i := range place.Parts {
		record, ok, err := p.journal.RecordOf(ctx, p.part(block, place.ID, i))
		if err != nil {
			return scrub.Patch{}, err
		}
		if !ok {
			return scrub.Patch{}, fmt.Errorf("%w: part %d is missing", scrub.ErrPatch, i)
		}
		parts = append(parts, record.Data)
	}
	return scrub.ParsePatch(parts)
}

// Blocks implements scrub.Patches.
func (p patches) Blocks(ctx context.Context) ([]geo.Block, error) {
	var blocks []geo.Block
	err := p.journal.Each(ctx, 1, func(r broker.Record) error {
		rest, ours := strings.CutPrefix(r.Key, p.log.Stream()+"/")
		if number, err := strconv.ParseUint(rest, 10, 64); ours && err == nil {
			blocks = append(blocks, geo.Block(number))
		}
		return nil
	})
	return blocks, err
}

// Drop implements scrub.Patches. The block's key goes first: parts that nothing
// leads to do no harm.
func (p patches) Drop(ctx context.Context, block geo.Block) error {
	place, seq, err := p.place(ctx, block)
	if seq == 0 {
		if err == scrub.ErrNoPatch {
			return nil
		}
		return err
	}
	if err := p.journal.Delete(ctx, seq); err != nil {
		return err
	}
	for i := range place.Parts {
		record, ok, err := p.journal.RecordOf(ctx, p.part(block, place.ID, i))
		if err == nil && ok {
			err = p.journal.Delete(ctx, record.Seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
