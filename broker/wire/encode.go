package wire

import (
	"fmt"
	"strconv"
)

// Pub is a message to publish. Reply and Header may be nil; Header is a whole
// block with its first line and the empty line at its end, sent as it is.
type Pub struct {
	Subject, Reply, Header, Body []byte
}

// pubOverhead bounds what a PUB line holds besides subject and reply.
const pubOverhead = len("HPUB ") + 2 + 2*20 + 1 + 2*len("\r\n")

// appendPub appends the message in the form of the protocol's client side. The
// type parameter spares callers the conversion of subjects between string and
// bytes, which would allocate for each message.
func appendPub[S string | []byte](dst []byte, subject, reply S, header, body []byte) []byte {
	if len(header) > 0 {
		dst = append(dst, "HPUB "...)
	} else {
		dst = append(dst, "PUB "...)
	}
	dst = append(append(dst, subject...), ' ')
	if len(reply) > 0 {
		dst = append(append(dst, reply...), ' ')
	}
	if len(header) > 0 {
		dst = append(strconv.AppendInt(dst, int64(len(header)), 10), ' ')
	}
	dst = strconv.AppendInt(dst, int64(len(header)+len(body)), 10)
	dst = append(dst, "\r\n"...)
	dst = append(dst, header...)
	dst = append(dst, body...)
	return append(dst, "\r\n"...)
}

// checkSubject keeps foreign text from becoming commands of the protocol: a
// line end in a subject would start one.
func checkSubject[S string | []byte](subject S) error {
	if len(subject) == 0 {
		return fmt.Errorf("%w: it is empty", ErrSubject)
	}
	return checkWord(subject)
}

func checkWord[S string | []byte](word S) error {
	for i := 0; i < len(word); i++ {
		if word[i] <= ' ' || word[i] == 0x7f {
			return fmt.Errorf("%w: %q", ErrSubject, string(word))
		}
	}
	return nil
}
