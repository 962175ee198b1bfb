package gossip

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

func TestBookKeepsTheLatestAddressOfEachNode(t *testing.T) {
	b := book{Version: bookVersion}
	eu, ap := lifeOf("eu", "1", 1), lifeOf("ap", "1", 1)
	for _, news := range []struct {
		node Node
		addr string
		want bool
	}{
		{eu, "10.0.0.1:1", true},
		{ap, "10.0.0.2:1", true},
		{eu, "10.0.0.1:1", false},
		{lifeOf("eu", "2", 2), "10.0.0.1:1", false},
		{lifeOf("eu", "3", 3), "10.0.0.1:2", true},
	} {
		if got := b.remember(news.node, at(news.addr)); got != news.want {
			t.Errorf("%s at %s: news %v, want %v", news.node.member(), news.addr, got, news.want)
		}
	}
	want := []peer{{"eu", "eu", "10.0.0.1:2"}, {"ap", "ap", "10.0.0.2:1"}}
	if !slices.Equal(b.Peers, want) {
		t.Errorf("got %v, want %v", b.Peers, want)
	}
}

func TestBookIsBounded(t *testing.T) {
	b := book{Version: bookVersion}
	for i := range 2 * keptPeers {
		b.remember(lifeOf(fmt.Sprintf("r%d", i), "1", 1), at("10.0.0.1:1"))
	}
	if len(b.Peers) != keptPeers || b.Peers[0].Name != fmt.Sprintf("r%d", 2*keptPeers-1) {
		t.Errorf("%d peers, the first %v", len(b.Peers), b.Peers[0])
	}
}

func TestBookFile(t *testing.T) {
	path := peersFile(t)
	if b, err := readBook(path); err != nil || len(b.Peers) != 0 {
		t.Errorf("a missing file: %v, %v", b, err)
	}
	b := book{Version: bookVersion}
	for range 2 {
		b.remember(lifeOf("eu", "1", 1), at("[2001:db8::1]:7946"))
		if err := b.write(path); err != nil {
			t.Fatal(err)
		}
		got, err := readBook(path)
		if err != nil || !slices.Equal(got.Peers, b.Peers) {
			t.Errorf("got %v, %v, want %v", got, err, b)
		}
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("beside the file there is left: %v, %v", files, err)
	}
}

func TestBookLeavesOutWhatMakesNoSense(t *testing.T) {
	b, err := decodeBook([]byte(`{"version":1,"peers":[
		{"region":"EU","name":"n","addr":"10.0.0.1:1"},
		{"region":"eu","name":"","addr":"10.0.0.1:1"},
		{"region":"eu","name":"n","addr":"10.0.0.1"},
		{"region":"eu","name":"n","addr":"10.0.0.1:0"},
		{"region":"eu","name":"n","addr":"0.0.0.0:1"},
		{"region":"eu","name":"n","addr":"n/10.0.0.1:1"},
		{"region":"eu","name":"n","addr":"10.0.0.1:1"}]}`))
	if err != nil || len(b.Peers) != 1 {
		t.Errorf("got %v, %v", b, err)
	}
}

func FuzzBook(f *testing.F) {
	f.Add([]byte(`{"version":1,"peers":[{"region":"eu","name":"n","addr":"10.0.0.1:1"}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"version":1,"peers":[{"region":"eu","name":"n","addr":"[::ffff:10.0.0.1]:1"},null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := decodeBook(text)
		if err != nil {
			return
		}
		for _, p := range b.Peers {
			if _, ok := plainAddr(p.Addr); !ok || checkWord(p.Name) != nil {
				t.Fatalf("%v was let in", p)
			}
		}
	})
}
