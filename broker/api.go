package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// apiTimeout bounds one request where the caller's context doesn't.
const apiTimeout = 5 * time.Second

// Codes of JetStream's API errors that mean something to us.
const (
	codeNoSuitablePeers = 10005
	codeNotAvailable    = 10008
	codeNoMessage       = 10037
	codeStreamNotFound  = 10059
	codeNameInUse       = 10058
	codeSubjectOverlap  = 10065
	codeWrongLast       = 10071
	codeOffline         = 10118
)

// api speaks JetStream's API with nats-server's own types, so that nothing a
// stream may hold is lost on the way.
type api struct {
	conn *nats.Conn // in account APP
	// system is in the system account, for what changes streams.
	system *nats.Conn
	// cluster is where what is created is placed.
	cluster string
}

// call sends request as JSON and reads the answer into response, which may be
// nil. An error that JetStream reports comes back as *server.ApiError.
func (a api) call(ctx context.Context, endpoint string, request, response any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	answer, err := a.ask(ctx, endpoint, body)
	if err != nil {
		return fmt.Errorf("ask JetStream (%s): %w", endpoint, err)
	}
	var outcome server.ApiResponse
	if err := json.Unmarshal(answer.Data, &outcome); err != nil {
		return fmt.Errorf("ask JetStream (%s): %w", endpoint, err)
	}
	if outcome.Error != nil {
		return outcome.Error
	}
	if response == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, response)
}

func (a api) ask(ctx context.Context, endpoint string, body []byte) (*nats.Msg, error) {
	if !changes(endpoint) {
		return a.conn.RequestWithContext(ctx, endpointSubject(endpoint), body)
	}
	request := nats.NewMsg(rawAPI + endpoint)
	request.Data = body
	// For which account a request in the system account is made.
	request.Header.Set(server.ClientInfoHdr, `{"acc":"APP","cluster":"`+a.cluster+`"}`)
	return a.system.RequestMsgWithContext(ctx, request)
}

// ready returns nil once JetStream serves the account.
func (a api) ready(ctx context.Context) error { return a.call(ctx, "INFO", nil, nil) }

// read is call for questions. It asks again soon: nobody answers for a stream
// that is electing its leader, and a question that was asked then stays
// unanswered.
func (a api) read(ctx context.Context, endpoint string, request, response any) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	for patience := apiTimeout / 20; ; patience *= 2 {
		attempt, done := context.WithTimeout(ctx, patience)
		err := a.call(attempt, endpoint, request, response)
		done()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

func (a api) streamInfo(ctx context.Context, stream string) (*server.StreamInfo, error) {
	var response server.JSApiStreamInfoResponse
	if err := a.read(ctx, "STREAM.INFO."+stream, nil, &response); err != nil {
		return nil, err
	}
	return response.StreamInfo, nil
}

func (a api) createStream(ctx context.Context, cfg server.StreamConfig) error {
	return a.call(ctx, "STREAM.CREATE."+cfg.Name, cfg, nil)
}

func (a api) updateStream(ctx context.Context, cfg server.StreamConfig) error {
	return a.call(ctx, "STREAM.UPDATE."+cfg.Name, cfg, nil)
}

// streams calls each with every stream of the account.
func (a api) streams(ctx context.Context, each func(*server.StreamInfo)) error {
	for offset := 0; ; {
		var page server.JSApiStreamListResponse
		request := map[string]int{"offset": offset}
		if err := a.call(ctx, "STREAM.LIST", request, &page); err != nil {
			return err
		}
		for _, info := range page.Streams {
			each(info)
		}
		offset += len(page.Streams)
		if len(page.Streams) == 0 || offset >= page.Total {
			return nil
		}
	}
}

// hasCode tells whether JetStream answered with that error.
func hasCode(err error, code uint16) bool {
	var apiErr *server.ApiError
	return errors.As(err, &apiErr) && apiErr.ErrCode == code
}

// errNotYet says that a cluster has agreed to what its server doesn't show yet.
var errNotYet = errors.New("the cluster has not caught up yet")

// temporary tells whether the same request may succeed a moment later: while a
// cluster elects a leader or a server joins, requests fail so.
func temporary(err error) bool {
	return errors.Is(err, errNotYet) || unsent(err) || hasCode(err, codeNotAvailable) || hasCode(err, codeNoSuitablePeers) ||
		errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// retry repeats what failed temporarily, until ctx ends.
func retry(ctx context.Context, attempt func() error) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		err := attempt()
		if err == nil || !temporary(err) {
			return err
		}
		pause.Reset(wait)
		select {
		case <-ctx.Done():
			return err
		case <-pause.C:
		}
	}
}
