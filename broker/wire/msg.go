package wire

import "bytes"

// Msg is a message as the server delivered it. Header is the whole header
// block, from "NATS/1.0" to the empty line that ends it, byte for byte as its
// producer wrote it; nil if the message had none. Reply is nil if there was
// none.
//
// The slices belong to the Conn and are valid only until the handler returns.
type Msg struct {
	Subject, Reply, Header, Body []byte
}

// Clone returns a copy with bytes of its own.
func (m *Msg) Clone() *Msg {
	room := make([]byte, 0, len(m.Subject)+len(m.Reply)+len(m.Header)+len(m.Body))
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		start := len(room)
		room = append(room, b...)
		return room[start:len(room):len(room)]
	}
	return &Msg{Subject: keep(m.Subject), Reply: keep(m.Reply), Header: keep(m.Header), Body: keep(m.Body)}
}

// Status returns the status in the first line of the header block, such as
// 503 or 100 "FlowControl Request"; 0 if there is none. It allocates only for a
// description.
func (m *Msg) Status() (code int, description string) {
	line, _, found := bytes.Cut(m.Header, []byte("\r\n"))
	rest, isHeader := bytes.CutPrefix(line, []byte("NATS/1.0"))
	if !found || !isHeader {
		return 0, ""
	}
	word, text, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	n, ok := number(word)
	if !ok || len(word) != 3 {
		return 0, ""
	}
	return int(n), string(bytes.TrimSpace(text))
}
