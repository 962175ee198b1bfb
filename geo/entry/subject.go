package entry

import "bytes"

// An origin stores messages under subjects that nobody can publish to again as
// they are: nats-server takes a literal "*" or ">" for a token, control
// characters and empty tokens from a client, but maps no such subject, and its
// own clients refuse to send it. A replica keeps such an entry under a subject
// in which those tokens are written in hexadecimal, and the entry's own subject
// travels in front of the body.

// regularSubject tells whether a replica can keep subject as it is.
func regularSubject(subject []byte) bool {
	for token := range bytes.SplitSeq(subject, []byte(".")) {
		if !regularToken(token) {
			return false
		}
	}
	return true
}

func regularToken(token []byte) bool {
	if len(token) == 0 || string(token) == "*" || string(token) == ">" {
		return false
	}
	for _, c := range token {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// safeSubject is subject with "%" and hexadecimal digits for each token that
// can't stay. It need not be unambiguous: the subject itself is kept beside it.
func safeSubject(subject []byte) []byte {
	const digits = "0123456789abcdef"
	var safe []byte
	for token := range bytes.SplitSeq(subject, []byte(".")) {
		if safe != nil {
			safe = append(safe, '.')
		}
		if regularToken(token) {
			safe = append(safe, token...)
			continue
		}
		safe = append(safe, '%')
		for _, c := range token {
			safe = append(safe, digits[c>>4], digits[c&15])
		}
	}
	return safe
}
