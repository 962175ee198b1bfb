package node

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"geomq/broker"
	"geomq/geo"
	"geomq/mirror"
)

// maxDeletions is how many are given at once.
const maxDeletions = 256

// everyDeletion is a number above all.
const everyDeletion = ^uint64(0)

// deletions keeps what origins have recorded of entries removed on purpose, by
// log and number. It is safe for concurrent use.
type deletions struct {
	journal *broker.Journal // of all logs that this cluster keeps
	// shared says that other nodes write the journal, too.
	shared bool

	mu    sync.Mutex                       // guards known, not held while the journal is asked
	known map[geo.CommitLog][]geo.Deletion // from number 1 on, as far as they were asked for
	told  map[geo.CommitLog][]geo.Region   // who told all it knows since the log's are in doubt
}

func deletionKey(log geo.CommitLog, number uint64) string {
	return log.Stream() + "/" + strconv.FormatUint(number, 10)
}

// after returns the deletions of a log with numbers above after, at most
// maxDeletions.
func (d *deletions) after(ctx context.Context, log geo.CommitLog, after uint64) ([]geo.Deletion, error) {
	known, err := d.upTo(ctx, log, after+maxDeletions)
	if err != nil || after >= uint64(len(known)) {
		return nil, err
	}
	return known[after:min(after+maxDeletions, uint64(len(known)))], nil
}

// upTo returns a log's deletions from number 1 on, those up to most included if
// they exist. What is returned is never changed.
func (d *deletions) upTo(ctx context.Context, log geo.CommitLog, most uint64) ([]geo.Deletion, error) {
	known, err := d.remembered(ctx, log)
	for err == nil && uint64(len(known)) < most {
		deletion, ok, failed := d.read(ctx, log, uint64(len(known))+1)
		if failed != nil || !ok {
			err = failed
			break
		}
		known = d.keep(log, deletion)
	}
	return known, err
}

// remembered are the deletions that need not be read again. Those of a log may
// have been dropped by another node since.
func (d *deletions) remembered(ctx context.Context, log geo.CommitLog) ([]geo.Deletion, error) {
	d.mu.Lock()
	known := d.known[log]
	d.mu.Unlock()
	if !d.shared || len(known) == 0 {
		return known, nil
	}
	newest := known[len(known)-1]
	deletion, ok, err := d.read(ctx, log, newest.Number)
	if err != nil || ok && deletion.At == newest.At && slices.Equal(deletion.Offsets, newest.Offsets) {
		return known, err
	}
	d.forget(log)
	return nil, nil
}

// last is the number of a log's last deletion.
func (d *deletions) last(ctx context.Context, log geo.CommitLog) (uint64, error) {
	known, err := d.upTo(ctx, log, everyDeletion)
	return uint64(len(known)), err
}

func (d *deletions) read(ctx context.Context, log geo.CommitLog, number uint64) (deletion geo.Deletion, ok bool, err error) {
	record, ok, err := d.journal.RecordOf(ctx, deletionKey(log, number))
	if err == nil && ok {
		deletion, err = decodeDeletion(record.Data)
	}
	if err == nil && ok && deletion.Number != number {
		err = fmt.Errorf("%w: it has number %d", geo.ErrDeletion, deletion.Number)
	}
	if err != nil {
		return geo.Deletion{}, false, fmt.Errorf("read deletion %d of %s: %w", number, log, err)
	}
	return deletion, ok, nil
}

// keep remembers a deletion unless somebody else was faster.
func (d *deletions) keep(log geo.CommitLog, deletion geo.Deletion) []geo.Deletion {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[geo.CommitLog][]geo.Deletion{}
	}
	if deletion.Number == uint64(len(d.known[log]))+1 {
		d.known[log] = append(d.known[log], deletion)
	}
	return d.known[log]
}

func (d *deletions) forget(log geo.CommitLog) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, log)
}

// drop forgets a log's deletions for good, the last first: what is left after a
// crash begins with number 1. A replica that is made anew gets those that count
// from its holder; others' would explain holes that nobody ordered.
func (d *deletions) drop(ctx context.Context, log geo.CommitLog) error {
	known, err := d.upTo(ctx, log, everyDeletion)
	if err != nil {
		return err
	}
	defer d.forget(log)
	for number := uint64(len(known)); number > 0; number-- {
		record, ok, err := d.journal.RecordOf(ctx, deletionKey(log, number))
		if err == nil && ok {
			err = d.journal.Delete(ctx, record.Seq)
		}
		if err != nil {
			return fmt.Errorf("drop deletion %d of %s: %w", number, log, err)
		}
	}
	return nil
}

// record keeps a deletion for good. Its number follows the last one; recording
// the same again does nothing.
func (d *deletions) record(ctx context.Context, log geo.CommitLog, deletion geo.Deletion) error {
	known, err := d.upTo(ctx, log, deletion.Number)
	if err != nil {
		return err
	}
	if deletion.Number > uint64(len(known))+1 {
		return fmt.Errorf("record deletion %d of %s: %w: number %d is due", deletion.Number, log, geo.ErrDeletion, len(known)+1)
	}
	if _, err := d.journal.Put(ctx, deletionKey(log, deletion.Number), encodeDeletion(deletion)); err != nil {
		return fmt.Errorf("record deletion %d of %s: %w", deletion.Number, log, err)
	}
	return nil
}

// A deletion is kept as links carry it, checksum included.
func encodeDeletion(d geo.Deletion) []byte {
	return mirror.Encode(nil, &mirror.DeletionNote{Deletion: d})
}

func decodeDeletion(data []byte) (geo.Deletion, error) {
	m, err := mirror.Decode(data)
	if err != nil {
		return geo.Deletion{}, err
	}
	note, ok := m.(*mirror.DeletionNote)
	if !ok {
		return geo.Deletion{}, fmt.Errorf("%w: it is a %s", geo.ErrDeletion, m.Kind())
	}
	return note.Deletion, nil
}
