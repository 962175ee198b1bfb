package dev

import (
	"errors"
	"testing"
	"time"

	"geomq/broker"
)

// TestAFolderThatIsGivenBackInAMoment starts while the process before, which was
// killed, has not been cleared away yet.
func TestAFolderThatIsGivenBackInAMoment(t *testing.T) {
	folder := t.TempDir()
	before, err := broker.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { before.Close() })
	o := Options{Data: folder}
	lock, err := o.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

// TestAFolderThatStaysInUse says so, naming it, and not at once.
func TestAFolderThatStaysInUse(t *testing.T) {
	folder := t.TempDir()
	other, err := broker.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	o := Options{Data: folder}
	began := time.Now()
	var used *broker.DataInUseError
	if _, err := o.take(t.Context()); !errors.As(err, &used) || used.Folder != folder {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took < lockPatience {
		t.Errorf("given up after %s", took)
	}
}
