package events

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func collect(t *testing.T, path string, n int) []Event {
	t.Helper()
	var all []Event
	for e, err := range From(path, n) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestEveryEventIsADifferentJSONObjectAndComesTheSameAgain(t *testing.T) {
	const n = 2000
	all, again := collect(t, "", n), collect(t, "", n)
	seen, size := map[string]bool{}, 0
	for i, e := range all {
		if !json.Valid(e.Body) || e.Key == "" {
			t.Fatalf("event %d is %q with key %q", i, e.Body, e.Key)
		}
		if !bytes.Equal(e.Body, again[i].Body) {
			t.Fatalf("event %d is %s and %s", i, e.Body, again[i].Body)
		}
		seen[string(e.Body)] = true
		size += len(e.Body)
	}
	if len(all) != n || len(seen) != n {
		t.Errorf("%d events, %d of them different, want %d", len(all), len(seen), n)
	}
	if mean := size / n; mean < 300 || mean > 600 {
		t.Errorf("events of %d bytes on average are not like real ones", mean)
	}
}

const three = `{"page":"A","time":"t","user":"u","delta":17,"big":12345678901234567890}` + "\n\n" + `{"page":7,"user":"v"}` + "\n" + `{"x":1}` + "\n"

func TestAFileComesAgainWithOtherValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, []byte(three), 0o600); err != nil {
		t.Fatal(err)
	}
	all := collect(t, path, 9)
	if string(all[0].Body)+"\n\n"+string(all[1].Body)+"\n"+string(all[2].Body)+"\n" != three {
		t.Errorf("the first round is not the file: %q", all[:3])
	}
	seen, again := map[string]bool{}, collect(t, path, 9)
	for i, e := range all {
		seen[string(e.Body)] = true
		if !bytes.Equal(e.Body, again[i].Body) {
			t.Errorf("event %d is %s and %s", i, e.Body, again[i].Body)
		}
		if want := []string{"A", "7", ""}[i%3]; e.Key != want {
			t.Errorf("event %d has key %q, want %q", i, e.Key, want)
		}
	}
	if len(seen) != len(all) {
		t.Errorf("only %d of %d events differ", len(seen), len(all))
	}
	if second := string(all[3].Body); !strings.Contains(second, `"big":12345678901234567890`) || !strings.Contains(second, `"user":"u1"`) {
		t.Errorf("the second round changes what it should not, or not what it should: %s", second)
	}
}

func TestAZippedFileIsReadWhateverItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(three)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, zipped.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, path, 2); len(got) != 2 || got[0].Key != "A" {
		t.Errorf("%q", got)
	}
}

func TestWhatCanNotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"broken": {three + "{", "line 5"},
		"empty":  {"\n", "holds no events"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var last error
		for _, err := range From(path, 100) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), c.want) || !strings.Contains(last.Error(), path) {
			t.Errorf("%s: %v, want %q", name, last, c.want)
		}
	}
	for _, err := range From(filepath.Join(dir, "missing"), 1) {
		if err == nil {
			t.Error("a file that is not there gives events")
		}
	}
}
