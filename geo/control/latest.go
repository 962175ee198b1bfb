package control

import "time"

// Latest keeps the last record of each key, as a control log does, and says
// which of them must be written again so that retention does not forget them.
type Latest struct {
	records map[string]kept
}

type kept struct {
	record  Record
	written time.Time
}

// Put takes a record that was written at that time and returns the one it
// replaces.
func (l *Latest) Put(r Record, written time.Time) (before Record, replaced bool) {
	if l.records == nil {
		l.records = map[string]kept{}
	}
	old, replaced := l.records[r.Key]
	l.records[r.Key] = kept{r, written}
	return old.record, replaced
}

// Of returns the last record of a key.
func (l *Latest) Of(key string) (Record, bool) {
	k, ok := l.records[key]
	return k.record, ok
}

// Due returns the records that were last written half a retention ago or more.
func (l *Latest) Due(now time.Time, retention time.Duration) []Record {
	var due []Record
	for _, k := range l.records {
		if now.Sub(k.written) >= retention/2 {
			due = append(due, k.record)
		}
	}
	return due
}
