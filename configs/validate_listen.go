package configs

// listeners are the node's listeners in the order of the file.
func (l Listen) listeners() []listener {
	all := []listener{
		{"listen.nats", l.NATS},
		{"listen.cluster", l.Cluster},
		{"listen.gossip", l.Gossip},
		{"listen.admin", l.Admin},
	}
	if l.Gateway != "" {
		all = append(all, listener{"listen.gateway", l.Gateway})
	}
	return all
}

type listener struct{ path, text string }

func (l Listen) validate(ps *Problems, insecure bool) {
	taken := map[string]address{}
	for _, at := range l.listeners() {
		a, err := parseAddress(at.text)
		if err != nil {
			ps.add(at.path, "%v", err)
			continue
		}
		if !a.loopback() && !insecure {
			ps.add(at.path, "%s can be reached from other machines, and nothing is encrypted yet; "+
				"listen on 127.0.0.1, or set insecure: true inside a private network or VPN", quote(at.text))
		}
		for _, before := range l.listeners() {
			if b, ok := taken[before.path]; ok && a.conflicts(b) {
				ps.add(at.path, "%s is already taken by %s (%s); use another port", quote(at.text), before.path, quote(before.text))
				break
			}
		}
		taken[at.path] = a
	}
}

// onLoopback tells whether only this machine can reach the node. Malformed
// listeners count as such: they are reported on their own.
func (l Listen) onLoopback() bool {
	for _, at := range l.listeners() {
		if a, err := parseAddress(at.text); err == nil && !a.loopback() {
			return false
		}
	}
	return true
}

func (a Advertise) validate(ps *Problems, l Listen) {
	checkAdvertised(ps, listener{"advertise.nats", a.NATS}, listener{"listen.nats", l.NATS})
	checkAdvertised(ps, listener{"advertise.gossip", a.Gossip}, listener{"listen.gossip", l.Gossip})
	checkAdvertised(ps, listener{"advertise.admin", a.Admin}, listener{"listen.admin", l.Admin})
}

func checkAdvertised(ps *Problems, advertised, listened listener) {
	if advertised.text != "" {
		checkDialled(ps, advertised.path, advertised.text)
		return
	}
	if a, err := parseAddress(listened.text); err == nil && a.unspecified() {
		ps.add(advertised.path, "is required, because %s is on all addresses (%s); write the host:port that others dial",
			listened.path, quote(listened.text))
	}
}

// checkDialled judges an address that somebody connects to.
func checkDialled(ps *Problems, path, text string) {
	a, err := parseAddress(text)
	switch {
	case err != nil:
		ps.add(path, "%v", err)
	case a.port == 0:
		ps.add(path, "%s: port 0 can't be dialled; write the port", quote(text))
	case a.unspecified():
		ps.add(path, "%s stands for all addresses of a machine and can't be dialled; write one", quote(text))
	}
}

func (g *Gossip) validate(ps *Problems, l Listen) {
	for i, member := range g.Join {
		checkDialled(ps, index("gossip.join", i), member)
	}
	if g.Key != "" && g.KeyFile != "" {
		ps.add("gossip.key_file", "excludes gossip.key; keep one of them")
	}
	if g.Key == "" && g.KeyFile == "" && !l.onLoopback() {
		ps.add("gossip.key", "is required, because the node listens beyond loopback; "+
			"make one with: head -c 32 /dev/urandom | base64 (or name a gossip.key_file)")
	}
	if _, err := g.Key.Bytes(); err != nil {
		ps.add("gossip.key", "%v", err)
	}
}
