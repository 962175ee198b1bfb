package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"geomq/geo"
)

// maxAsk and maxStanding bound what is read of an ask and of its answer, in
// bytes. An answer's size is that of the log's epoch table.
const (
	maxAsk      = 4 << 10
	maxStanding = maxHandshake
)

// Ask asks a holder how far it has a log. It travels as JSON; fields are added,
// never renamed.
type Ask struct {
	// Log is the stream name of the CommitLog.
	Log string `json:"log"`
	// To is the region that asks.
	To geo.Region `json:"to"`
	// After asks for the deletions behind this number; absent, for none.
	After *uint64 `json:"after,omitempty"`
	// Lacking asks for what the holder lacks itself.
	Lacking bool `json:"lacking,omitempty"`
}

// Standing is a holder's answer to an Ask, as JSON.
type Standing struct {
	Region geo.Region `json:"region"`
	// Exists is false where the holder has no such log; then Extent is not set.
	Exists bool       `json:"exists"`
	Extent geo.Extent `json:"extent"`
	// Origin says that the log is this region's own.
	Origin bool `json:"origin"`
	// Ready says that the holder serves links of the log: an origin does so once
	// it has opened the log.
	Ready bool `json:"ready"`
	// Deletions is the number of the last deletion that the holder knows; one of
	// an older version does not tell and leaves it 0.
	Deletions uint64 `json:"deletions,omitempty"`
	// Deleted are those behind Ask.After as links carry them, the first ones if
	// there are many.
	Deleted [][]byte `json:"deleted,omitempty"`
	// Looked says that the holder has told in Lacking, as it was asked to, which
	// offsets within Extent hold no entry for no known reason. It does not where
	// there are too many stretches.
	Looked  bool       `json:"looked,omitempty"`
	Lacking geo.Ranges `json:"lacking,omitempty"`
	// Problem says why the holder could not tell; then only Region is set.
	Problem string `json:"problem,omitempty"`
}

// Answer answers one Ask. Whatever ask holds, the answer is a Standing as JSON;
// what can't be answered has a Problem. It takes lookPatience at most.
func (s *Sources) Answer(ctx context.Context, ask []byte) []byte {
	standing, err := s.standing(ctx, ask)
	if err != nil {
		standing = Standing{Region: s.Region, Problem: err.Error()}
	}
	text, err := json.Marshal(standing)
	if err != nil || len(text) > maxStanding {
		text, _ = json.Marshal(Standing{Region: s.Region, Problem: "the answer is too long"}) // two strings: can't fail
	}
	return text
}

func (s *Sources) standing(ctx context.Context, ask []byte) (Standing, error) {
	var a Ask
	if len(ask) > maxAsk {
		return Standing{}, fmt.Errorf("%w: an ask of %d bytes", ErrMessage, len(ask))
	}
	if err := json.Unmarshal(ask, &a); err != nil {
		return Standing{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	id, err := geo.ParseCommitLog(a.Log)
	if err != nil {
		return Standing{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	standing := Standing{Region: s.Region, Origin: id.Origin == s.Region}
	log, err := s.Holder.Held(ctx, id)
	if errors.Is(err, ErrNoLog) {
		return standing, nil
	}
	if err != nil {
		return Standing{}, err
	}
	if standing.Extent, err = log.Extent(ctx); err != nil {
		return Standing{}, err
	}
	standing.Exists, standing.Ready = true, s.ready(id)
	if a.Lacking {
		if standing.Lacking, standing.Looked, err = lackingOf(ctx, log); err != nil {
			return Standing{}, err
		}
	}
	room := deletedRoom
	err = eachDeletion(ctx, log, 0, func(d *geo.Deletion) {
		standing.Deletions = d.Number
		if a.After != nil && d.Number > *a.After && room > 0 {
			note := Encode(nil, &DeletionNote{Deletion: *d})
			standing.Deleted, room = append(standing.Deleted, note), room-len(note)
		}
	})
	return standing, err
}

// mostLacking is how many stretches of lacking offsets an answer tells of, since it
// has to fit into one message.
const mostLacking = 256

// lackingOf is what a log lacks for no known reason, if it can tell: one that wraps
// another by itself or by what it wraps.
func lackingOf(ctx context.Context, log HeldLog) (lacking geo.Ranges, looked bool, err error) {
	for {
		wrapped, is := log.(interface{ Unwrap() HeldLog })
		if !is {
			break
		}
		log = wrapped.Unwrap()
	}
	s, can := log.(interface {
		Lacking(context.Context) (geo.Ranges, error)
	})
	if !can {
		return nil, false, nil
	}
	if lacking, err = s.Lacking(ctx); err != nil || len(lacking) > mostLacking {
		return nil, false, err
	}
	return lacking, true, nil
}

// deletedRoom is what the deletions of an answer take before the last of them, in
// bytes: with that one, the longest, and as base64 they leave the epochs room.
const deletedRoom = 4 << 10

// AskHolder asks region to how far it has log, for region self, and returns how
// long the answer took. A Standing with a Problem is an answer. The error wraps
// ErrMessage for an answer that contradicts itself, ErrNoSource where nobody
// answers asks, else what a says.
func AskHolder(ctx context.Context, a Asker, to geo.Region, log geo.CommitLog, self geo.Region) (Standing, time.Duration, error) {
	return askHolder(ctx, a, to, log, Ask{Log: log.Stream(), To: self})
}

// AskWhole does what AskHolder does, and asks for what the holder lacks, too.
func AskWhole(ctx context.Context, a Asker, to geo.Region, log geo.CommitLog, self geo.Region) (Standing, time.Duration, error) {
	return askHolder(ctx, a, to, log, Ask{Log: log.Stream(), To: self, Lacking: true})
}

// AskDeletions asks region to, for region self, for its deletions of log behind
// number after: the first of them, and the number of the last that it knows. Where
// that is higher, it is asked again. Errors are those of AskHolder; a Problem is one,
// too.
func AskDeletions(ctx context.Context, a Asker, to geo.Region, log geo.CommitLog, self geo.Region, after uint64) ([]geo.Deletion, uint64, error) {
	standing, _, err := askHolder(ctx, a, to, log, Ask{Log: log.Stream(), To: self, After: &after})
	if err == nil && standing.Problem != "" {
		err = fmt.Errorf("%s can't tell what was deleted of %s: %s", to, log, standing.Problem)
	}
	if err != nil {
		return nil, 0, err
	}
	var deleted []geo.Deletion
	for _, note := range standing.Deleted {
		m, err := Decode(note)
		d, ok := m.(*DeletionNote)
		if err == nil && (!ok || d.Deletion.Number <= after) {
			err = fmt.Errorf("%w: it is no deletion behind number %d", ErrMessage, after)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("the deletions of %s in %s: %w", log, to, err)
		}
		deleted, after = append(deleted, d.Deletion), d.Deletion.Number
	}
	return deleted, standing.Deletions, nil
}

func askHolder(ctx context.Context, a Asker, to geo.Region, log geo.CommitLog, ask Ask) (Standing, time.Duration, error) {
	request, err := json.Marshal(ask)
	if err != nil {
		return Standing{}, 0, fmt.Errorf("ask %s for %s: %w", to, log, err)
	}
	began := time.Now()
	answer, err := a.Ask(ctx, to, request)
	took := time.Since(began)
	if err != nil {
		return Standing{}, took, fmt.Errorf("ask %s for %s: %w", to, log, err)
	}
	standing, err := parseStanding(answer, to, log)
	if err != nil {
		return Standing{}, took, fmt.Errorf("the answer of %s for %s: %w", to, log, err)
	}
	return standing, took, nil
}

func parseStanding(answer []byte, to geo.Region, log geo.CommitLog) (Standing, error) {
	var s Standing
	if len(answer) > maxStanding {
		return s, fmt.Errorf("%w: %d bytes", ErrMessage, len(answer))
	}
	if err := json.Unmarshal(answer, &s); err != nil {
		return s, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	switch {
	case s.Region != to:
		return s, fmt.Errorf("%w: it comes from region %q", ErrMessage, s.Region)
	case s.Problem != "":
		return Standing{Region: s.Region, Problem: s.Problem}, nil
	case s.Origin != (log.Origin == to):
		return s, fmt.Errorf("%w: it confuses who is the log's origin", ErrMessage)
	case !s.Exists:
		return Standing{Region: s.Region, Origin: s.Origin}, nil
	case s.Extent.First > s.Extent.Last+1:
		return s, fmt.Errorf("%w: it begins at %d behind its end %d", ErrMessage, s.Extent.First, s.Extent.Last)
	}
	if err := s.Extent.Epochs.Validate(); err != nil {
		return s, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return s, nil
}
