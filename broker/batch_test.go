package broker

import (
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestPlainAcksAreReadByHand(t *testing.T) {
	for body, want := range map[string]uint64{
		`{"stream":"ORDERS@us-east","seq":17}`:                    17,
		`{"stream":"ORDERS@us-east","domain":"eu-west","seq":18}`: 18,
	} {
		if a, ok := parsePlainAck([]byte(body)); !ok || a.Seq != want || a.Count != 1 {
			t.Errorf("%s gives %+v, %v", body, a, ok)
		}
	}
	for _, body := range []string{"", "{}", `{"stream":"S","seq":0,"error":{"code":400}}`,
		`{"stream":"S","seq":7,"batch":"b","count":3}`, `{"stream":"S","seq":7,"duplicate":true}`} {
		if a, ok := parsePlainAck([]byte(body)); ok {
			t.Errorf("%s was taken for a plain ack: %+v", body, a)
		}
	}
}

func TestRefusalNamesTheStreamsEnd(t *testing.T) {
	err := refusal("S", 12, &server.ApiError{Code: 400, ErrCode: codeWrongLast, Description: "wrong last sequence: 5"})
	var fenced *FencedError
	if !errors.As(err, &fenced) || fenced.Last != 5 || fenced.Offset != 12 || !errors.Is(err, ErrFenced) {
		t.Fatalf("got %v", err)
	}
	if err := refusal("S", 12, &server.ApiError{ErrCode: 10077}); !errors.Is(err, ErrRefused) {
		t.Fatalf("got %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"stream":"S","domain":"d","seq":18}`))
	f.Add([]byte(`{"type":"err","seq":3,"error":{"err_code":10071}}`))
	f.Add([]byte(`{"stream":"","seq":}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, ok := parsePlainAck(body); ok && a.Error != nil {
			t.Fatal("a plain ack has no error")
		}
		_, _ = parseAnswer(body)
		batchNumber(body)
	})
}
