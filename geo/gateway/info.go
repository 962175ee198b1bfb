package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// info is what the gateway reads of a server's INFO.
type info struct {
	AuthRequired bool `json:"auth_required"`
	TLSRequired  bool `json:"tls_required"`
	TLSVerify    bool `json:"tls_verify"`
	LameDuck     bool `json:"ldm"`
}

var (
	infoWord    = []byte("INFO")
	connectWord = []byte("CONNECT")
)

// argument is what follows word in a protocol line; words are read in any case, as
// servers do.
func argument(line, word []byte) ([]byte, bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) <= len(word) || !bytes.EqualFold(line[:len(word)], word) || line[len(word)] != ' ' && line[len(word)] != '\t' {
		return nil, false
	}
	return bytes.TrimSpace(line[len(word):]), true
}

// parseInfo reads an INFO line. The error wraps ErrStranger.
func parseInfo(line []byte) (info, error) {
	var parsed info
	text, ok := argument(line, infoWord)
	if !ok || !bytes.HasPrefix(text, []byte("{")) {
		return info{}, fmt.Errorf("%w: the backend begins with %s", ErrStranger, shown(line))
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		return info{}, fmt.Errorf("%w: the backend's INFO: %w", ErrStranger, err)
	}
	return parsed, nil
}

// ownInfo is the INFO line as clients get it: with addresses of gateways, if any,
// instead of those that lead around them, and, where the gateway itself speaks TLS,
// with what it offers instead of what the backend does. The other fields stay as
// they are.
func ownInfo(line []byte, gateways []string, terminates bool) ([]byte, error) {
	text, _ := argument(line, infoWord)
	urls, err := json.Marshal(gateways)
	if err != nil {
		return nil, err
	}
	return rewrite("INFO", text, func(fields map[string]json.RawMessage) {
		delete(fields, "connect_urls")
		delete(fields, "ws_connect_urls")
		if len(gateways) > 0 {
			fields["connect_urls"] = urls
		}
		if terminates {
			delete(fields, "tls_verify")
			fields["tls_required"], fields["tls_available"] = json.RawMessage("true"), json.RawMessage("true")
		}
	})
}

// quietConnect is a client's CONNECT line in which it does not ask for further
// INFOs, in which servers name their addresses. A line that is no CONNECT stays as
// it is: what it is worth, the server says.
func quietConnect(line []byte) []byte {
	text, ok := argument(line, connectWord)
	if !ok {
		return line
	}
	rewritten, err := rewrite("CONNECT", text, func(fields map[string]json.RawMessage) {
		for name := range fields {
			if strings.EqualFold(name, "protocol") { // as servers compare names
				fields[name] = json.RawMessage("0")
			}
		}
	})
	if err != nil {
		return line
	}
	return rewritten
}

// rewrite changes fields of a JSON object and leaves the others' text untouched.
func rewrite(word string, text []byte, change func(map[string]json.RawMessage)) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil || fields == nil {
		return nil, fmt.Errorf("%w: %s is followed by %s", ErrStranger, word, shown(text))
	}
	change(fields)
	var b bytes.Buffer
	b.WriteString(word + " ")
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fields); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStranger, word, err)
	}
	b.Truncate(b.Len() - 1) // the encoder's line feed
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

// shown is the beginning of foreign text, safe to be printed.
func shown(text []byte) string {
	const most = 40
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
