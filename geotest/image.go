package geotest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Image is a copy of a region's data folder, as a snapshot of its disk would hold.
type Image struct {
	// Taken is when: what came later isn't in it.
	Taken  time.Time
	folder string
}

// Image copies a region's data folder. A region that runs is halted (SIGSTOP)
// meanwhile, so that the copy is of one moment.
func (r *Regions) Image(t testing.TB, region string) *Image {
	t.Helper()
	s := r.site(t, region)
	if s.up && !s.ended() {
		s.process.Pause()
		defer s.process.Resume()
		awaitHalt(t, s.process.cmd.Process.Pid)
	}
	i := &Image{Taken: time.Now(), folder: filepath.Join(t.TempDir(), "image")}
	if err := os.CopyFS(i.folder, os.DirFS(s.data)); err != nil {
		t.Fatal(err)
	}
	return i
}

// PutBack replaces all that a killed region kept by a copy of the image: the same
// bytes in other files (with other inodes), as restoring a disk or cp makes them.
func (r *Regions) PutBack(t testing.TB, region string, i *Image) {
	t.Helper()
	r.Wipe(t, region)
	if err := os.CopyFS(r.site(t, region).data, os.DirFS(i.folder)); err != nil {
		t.Fatal(err)
	}
}

// Wipe removes all that a killed region kept.
func (r *Regions) Wipe(t testing.TB, region string) {
	t.Helper()
	s := r.site(t, region)
	if !s.ended() {
		t.Fatalf("%s is still running: kill it before its data goes", region)
	}
	s.endRecorder(t)
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
}

// awaitHalt returns when a process that was sent SIGSTOP has stopped. Where there
// is no /proc to tell, that has to be taken on trust.
func awaitHalt(t testing.TB, process int) {
	t.Helper()
	path := fmt.Sprintf("/proc/%d/stat", process)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		text, err := os.ReadFile(path)
		if err != nil {
			return
		}
		// The state follows the name, which stands in brackets.
		if _, rest, ok := strings.Cut(string(text), ") "); !ok || rest[0] == 'T' {
			return
		}
		_ = syscall.Kill(process, 0) // gives the scheduler a turn
	}
	t.Fatalf("process %d goes on 10s after SIGSTOP", process)
}
