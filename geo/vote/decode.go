package vote

import (
	"encoding/json"
	"fmt"
	"strings"

	"geomq/geo"
)

const (
	format    = 1
	maxRecord = 56 << 10
	maxName   = 160
	maxLogs   = 64
	maxVoters = 15
	// MaxEpochs is how many epochs of a log's table a Reach holds. A holder that
	// comes back with more epochs behind it than that, none of which anybody else
	// has, is rebuilt.
	MaxEpochs = 6
	// top bounds numbers and offsets: who tells of more is not believed.
	top = 1 << 60
)

// Encode writes r as JSON. The error wraps ErrRecord.
func (r Record) Encode() ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(r)
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("%d bytes are more than %d", len(b), maxRecord)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return b, nil
}

// Decode reads what Encode wrote. Fields that it does not know are passed over;
// whatever can't be passed over comes with a new Format, for which the error wraps
// ErrVersion. Else it wraps ErrRecord.
func Decode(b []byte) (Record, error) {
	var r Record
	if len(b) > maxRecord {
		return Record{}, fmt.Errorf("%w: %d bytes are more than %d", ErrRecord, len(b), maxRecord)
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if head.Format > format {
		return Record{}, fmt.Errorf("%w: it is %d, this program knows %d", ErrVersion, head.Format, format)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err := r.validate(); err != nil {
		return Record{}, err
	}
	return r, nil
}

func (r Record) validate() error {
	for _, problem := range []string{
		r.head(), r.body(), problemOfVoters(r.Voters), problemOfReaches(r.Reaches), r.problemOfOverride(),
	} {
		if problem != "" {
			return fmt.Errorf("%w: %s", ErrRecord, problem)
		}
	}
	return nil
}

func (r Record) head() string {
	switch {
	case r.Format != format:
		return fmt.Sprintf("its format is %d", r.Format)
	case !named(string(r.Target)):
		return fmt.Sprintf("its target is %.40q", r.Target)
	case !named(string(r.Party)):
		return fmt.Sprintf("its party is %.40q", r.Party)
	case r.Term.N >= top || r.Epoch >= top:
		return "its numbers are impossible"
	}
	return ""
}

func (r Record) body() string {
	switch r.Kind {
	case KindClaim:
		if stages[r.Stage] == 0 || r.Term.N == 0 || r.Term.Claimant != r.Party || r.Epoch == 0 {
			return "it claims nothing"
		}
	case KindVote:
		if (r.Term.N == 0) != (r.Term.Claimant == "") || r.Term.N > 0 && !named(string(r.Term.Claimant)) {
			return "it votes for nobody"
		}
	case KindPromise:
		if r.Term.N == 0 || !named(string(r.Term.Claimant)) || r.Epoch == 0 {
			return "it promises nothing"
		}
	default:
		return fmt.Sprintf("its kind is %.40q", r.Kind)
	}
	if r.Kind != KindClaim && (r.Stage != "" || r.Override != nil) {
		return "it is no claim and has a stage"
	}
	if (r.Kind == KindPromise) != (len(r.Voters.Members) == 0) {
		return "claims and votes count under a configuration, promises under none"
	}
	return ""
}

func problemOfReaches(reaches []Reach) string {
	if len(reaches) > maxLogs {
		return fmt.Sprintf("it names %d logs, at most %d fit", len(reaches), maxLogs)
	}
	seen := map[string]bool{}
	for _, r := range reaches {
		switch {
		case !named(r.Log) || seen[r.Log]:
			return fmt.Sprintf("it names a log %.40q", r.Log)
		case len(r.Epochs) > MaxEpochs:
			return fmt.Sprintf("it has %d epochs of %s", len(r.Epochs), r.Log)
		case r.Epochs.Validate() != nil:
			return fmt.Sprintf("the epochs of %s: %v", r.Log, r.Epochs.Validate())
		case r.Offset >= top || r.Epochs.Latest().Number >= top || r.Epochs.Latest().First >= top:
			return fmt.Sprintf("the reach of %s is impossible", r.Log)
		}
		seen[r.Log] = true
	}
	return ""
}

func (r Record) problemOfOverride() string {
	o := r.Override
	switch {
	case o == nil:
		return ""
	case o.By == "" || o.Reason == "" || len(o.By)+len(o.Reason) > 1024:
		return "it overrides without a name and a reason"
	case len(o.Without) == 0 || len(o.Without) > maxVoters:
		return "it overrides nobody"
	}
	for _, p := range o.Without {
		if !named(string(p)) {
			return fmt.Sprintf("it overrides %.40q", p)
		}
	}
	return ""
}

// named tells whether text can be a name: printable ASCII that needs no escapes,
// so that a record's length can be told beforehand.
func named(text string) bool {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\<>&*`, r) }
	return text != "" && len(text) <= maxName && !strings.ContainsFunc(text, bad)
}

// newest is the end of a table that fits into a Reach.
func newest(table geo.Epochs) geo.Epochs { return table[max(0, len(table)-MaxEpochs):] }
