package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

// direct carries asks to one Sources, or to whatever answer says.
type direct struct {
	sources *Sources
	answer  func([]byte) ([]byte, error)
}

func (d direct) Ask(ctx context.Context, _ geo.Region, request []byte) ([]byte, error) {
	if d.answer != nil {
		return d.answer(request)
	}
	return d.sources.Answer(ctx, request), nil
}

func sourcesOf(log *memLog) *Sources {
	return &Sources{Region: "us-east", Holder: &memCluster{log: log}, Log: slog.New(slog.DiscardHandler)}
}

func TestAHolderTellsWhereItStands(t *testing.T) {
	log := newMemLog(1)
	log.publish(rand.New(rand.NewPCG(1, 1)), 20)
	log.reopen(20, 500)
	log.cut(5)
	sources := sourcesOf(log)
	sources.Ready = func(id geo.CommitLog) bool { return id != ordersLog }
	got, _, err := AskHolder(t.Context(), direct{sources: sources}, "us-east", ordersLog, "eu-west")
	if err != nil || !got.Exists || !got.Origin || got.Ready || got.Problem != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	if e := got.Extent; e.First != 5 || e.Last != 499 || e.Epochs.String() != "1:0:1,2:20:500" {
		t.Errorf("%+v", e)
	}
	sources.Ready = nil
	if got, _, err = AskHolder(t.Context(), direct{sources: sources}, "us-east", ordersLog, "eu-west"); err != nil || !got.Ready {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAHolderWithoutTheLogSaysSo(t *testing.T) {
	got, _, err := AskHolder(t.Context(), direct{sources: sourcesOf(nil)}, "us-east", ordersLog, "eu-west")
	if err != nil || got.Exists || got.Problem != "" || !got.Origin {
		t.Errorf("%+v, %v", got, err)
	}
}

type brokenHolder struct{}

func (brokenHolder) Held(context.Context, geo.CommitLog) (HeldLog, error) {
	return nil, errors.New("the broker is down")
}

func TestAHolderThatCantTellSaysWhy(t *testing.T) {
	sources := sourcesOf(nil)
	sources.Holder = brokenHolder{}
	got, _, err := AskHolder(t.Context(), direct{sources: sources}, "us-east", ordersLog, "eu-west")
	if err != nil || got.Exists || !strings.Contains(got.Problem, "broker is down") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadAsksAreAnsweredWithAProblem(t *testing.T) {
	for name, ask := range map[string]string{
		"nothing": "", "no JSON": "hello", "no log": `{"log":""}`, "another kind": `{"log":7}`, "endless": `{"log":"` + strings.Repeat("x", maxAsk) + `"}`,
	} {
		var got Standing
		if err := json.Unmarshal(sourcesOf(newMemLog(1)).Answer(t.Context(), []byte(ask)), &got); err != nil || got.Problem == "" || got.Exists {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAnswersThatContradictThemselvesAreRefused(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":          "",
		"another region":   `{"region":"ap-south","exists":true,"origin":true}`,
		"no epochs":        `{"region":"us-east","exists":true,"origin":true,"extent":{"first":1,"last":5}}`,
		"not its origin":   `{"region":"us-east","exists":true,"extent":{"first":1,"last":5,"epochs":[{"number":1,"first":1}]}}`,
		"begins too late":  `{"region":"us-east","exists":true,"origin":true,"extent":{"first":7,"last":5,"epochs":[{"number":1,"first":1}]}}`,
		"a false sequence": `{"region":"us-east","exists":true,"origin":true,"extent":{"first":1,"last":5,"epochs":[{"number":1,"first":0}]}}`,
		"endless":          strings.Repeat(" ", maxStanding+1),
	} {
		a := direct{answer: func([]byte) ([]byte, error) { return []byte(answer), nil }}
		if got, _, err := AskHolder(t.Context(), a, "us-east", ordersLog, "eu-west"); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: taken as %+v (%v)", name, got, err)
		}
	}
}

func TestNobodyAnswersAnAsk(t *testing.T) {
	a := direct{answer: func([]byte) ([]byte, error) { return nil, ErrNoSource }}
	if _, _, err := AskHolder(t.Context(), a, "us-east", ordersLog, "eu-west"); !errors.Is(err, ErrNoSource) {
		t.Error(err)
	}
}

func FuzzStanding(f *testing.F) {
	f.Add([]byte(`{"region":"us-east","exists":true,"origin":true,"extent":{"first":1,"last":5,"epochs":[{"number":1,"first":1}]}}`))
	f.Add([]byte(`{"region":"us-east","problem":"x"}`))
	sources := sourcesOf(newMemLog(1))
	f.Fuzz(func(t *testing.T, answer []byte) {
		s, err := parseStanding(answer, "us-east", ordersLog)
		if err == nil && s.Exists && s.Extent.Epochs.Validate() != nil {
			t.Errorf("%+v was taken", s)
		}
		var back Standing
		if err := json.Unmarshal(sources.Answer(context.Background(), answer), &back); err != nil || back.Region != "us-east" {
			t.Errorf("%q was answered by %+v (%v)", answer, back, err)
		}
	})
}

func TestAnOriginThatIsNotReadyServesNoLink(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 10)
		w.net.sources.Ready = func(geo.CommitLog) bool { return w.calm.Load() }
	}, func(w *world) {
		w.within(3*time.Second, func() string {
			if s := w.link.Status(); s.Refused[CauseLocal] == 0 || s.State == StateHalted {
				return "the origin serves a log that it has not opened"
			}
			return ""
		})
		if w.replica() != nil {
			t.Error("a replica was made of a log that is not open")
		}
		w.calm.Store(true)
		w.caughtUp()
	})
}
