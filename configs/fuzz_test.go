package configs

import (
	"errors"
	"os"
	"reflect"
	"testing"
)

// Whatever the bytes, Parse gives a valid Config that survives being written, or
// Problems that say something; it never panics.
func FuzzParse(f *testing.F) {
	for _, r := range refusals {
		if len(r.file) < 4096 {
			f.Add([]byte(r.file))
		}
	}
	f.Add([]byte(everythingWrong))
	for _, file := range []string{"examples/one-node.yaml", "examples/three-regions/us-east.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlogs: *c\n"))
	f.Add([]byte("a: &a\n  b: *a\nregion: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 || ps[0].Text == "" || c != nil {
				t.Fatalf("refused without saying why: %v", err)
			}
			return
		}
		written, err := c.Marshal()
		if err != nil {
			t.Fatalf("accepted, but not written: %v", err)
		}
		back, err := Parse(written)
		if err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("accepted as\n%#v\nbut read back as\n%#v, %v\n%s", c, back, err, written)
		}
	})
}
