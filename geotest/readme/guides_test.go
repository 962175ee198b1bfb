//go:build unix

package readme

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTheGuides runs the sh blocks of README.md and of every document below docs/.
func TestTheGuides(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		all := blocksIn(read(t, document), "sh")
		if len(all) == 0 {
			continue
		}
		t.Run(filepath.Base(document), func(t *testing.T) {
			s := openSession(t)
			if err := os.CopyFS(filepath.Join(s.folder, "configs"), os.DirFS(filepath.Join(module(), "configs"))); err != nil {
				t.Fatal(err)
			}
			for _, b := range all {
				// In a shell of its own options like -e end the block, not the session;
				// and with them whatever goes wrong in the middle is noticed.
				output, code := s.run(t, "set -e -o pipefail\n"+b.text()+"set +e")
				if code != 0 {
					t.Fatalf("%s, block at line %d ends with %d:\n%s", document, b.line, code, output)
				}
			}
		})
	}
}
