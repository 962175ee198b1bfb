package broker

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"geomq/geo"
)

// TestABlockThatLostItsEndIsNoticed: the newest block is as noted, so that the server
// would believe its notes of the others.
func TestABlockThatLostItsEndIsNoticed(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	b := openBroker(t, cfg)
	l := openReplica(t, b, 1)
	all := made(1, 300)
	for i := range all {
		all[i].Body = make([]byte, 100_000)
	}
	appendAll(t, l, AppendConfig{}, all)
	if err := DropIndexes(cfg.Data); !errors.Is(err, ErrDataInUse) {
		t.Errorf("in a folder that a broker uses: %v", err)
	}
	b.Close()
	blocks, err := filepath.Glob(filepath.Join(streamsFolder(cfg.Data), l.ID().Stream(), "msgs", "*.blk"))
	if err != nil || len(blocks) < 3 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	block := filepath.Join(filepath.Dir(blocks[0]), "2.blk")
	info, err := os.Stat(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Truncate(block, info.Size()/2), DropIndexes(cfg.Data)); err != nil {
		t.Fatal(err)
	}
	if notes, err := filepath.Glob(filepath.Join(streamsFolder(cfg.Data), "*", "msgs", indexFile)); err != nil || len(notes) > 0 {
		t.Fatalf("the server would go by %v, %v", notes, err)
	}
	l, err = openBroker(t, cfg).Lookup(deadline(t), orders)
	if err != nil {
		t.Fatal(err)
	}
	missing, err := l.Missing(deadline(t), geo.Range{First: 1, Last: 300})
	if err != nil || len(missing) != 1 || missing[0].First < 80 || missing[0].Last > 200 {
		t.Fatalf("missing %v, %v", missing, err)
	}
	before := int(missing[0].First - 1)
	sameEntries(t, readTo(t, l, 1, geo.Offset(before))[:before], all[:before]) // a batch may hold more
	sameEntries(t, readTo(t, l, missing[0].Last+1, 300), all[missing[0].Last:])
}

func TestAFolderWithoutStreamsHasNoIndexes(t *testing.T) {
	if err := DropIndexes(t.TempDir()); err != nil {
		t.Error(err)
	}
}
