package wire

// keepBuffer is how large a read buffer stays after the message that made it
// grow has gone.
const keepBuffer = 4 << 20

// restBuffer is how large a read buffer is while little arrives: a process has
// several connections for each log.
const restBuffer = 4 << 10

// inbound turns a stream of bytes into operations. The owner reads into free,
// tells the count to add, and takes operations with next until there are none.
// An operation's slices point into the buffer and are valid until free is
// called.
type inbound struct {
	buf        []byte
	start, end int // buf[start:end] is not decoded yet
	need       int // bytes needed from start before decoding again makes sense
	base       int // the buffer's usual size while much arrives
	filled     bool
	maxMessage int
}

func newInbound(size, maxMessage int) *inbound {
	return &inbound{buf: make([]byte, min(size, restBuffer)), base: size, maxMessage: maxMessage}
}

// next decodes one operation; o.kind is kindNone when more bytes are needed.
func (in *inbound) next(o *op) error {
	if in.pending() < in.need {
		o.kind = kindNone
		return nil
	}
	n, need, err := decode(in.buf[in.start:in.end], in.maxMessage, o)
	in.start += n
	in.need = need
	return err
}

// free returns room to read into, never empty. Room for a large message is
// doubled as its bytes arrive: a peer that merely announces one gets no memory
// for it.
func (in *inbound) free() []byte {
	in.settle()
	if in.end == len(in.buf) {
		in.move(2 * len(in.buf))
	}
	return in.buf[in.end:]
}

// settle moves what is not decoded to the front when it is cheap or necessary.
func (in *inbound) settle() {
	pending := in.pending()
	switch {
	case in.filled && len(in.buf) < in.base:
		in.move(in.base)
	case len(in.buf) > keepBuffer && pending < in.base && in.need <= in.base:
		in.move(in.base)
	case pending == 0:
		in.start, in.end = 0, 0
	case in.start > 0 && (in.start+in.need > len(in.buf) || len(in.buf)-in.end < in.base/4):
		copy(in.buf, in.buf[in.start:in.end])
		in.start, in.end = 0, pending
	}
}

func (in *inbound) move(size int) {
	buf := make([]byte, size)
	in.end = copy(buf, in.buf[in.start:in.end])
	in.buf, in.start = buf, 0
}

func (in *inbound) add(n int) {
	in.end += n
	in.filled = n > 0 && in.end == len(in.buf) // there may be more than it takes
}

// rest gives memory back while nothing arrives.
func (in *inbound) rest() {
	if len(in.buf) > restBuffer && in.pending() == 0 && in.need <= restBuffer && in.base > restBuffer {
		in.move(restBuffer)
	}
}

func (in *inbound) pending() int { return in.end - in.start }
