package importer

import (
	"errors"
	"testing"
	"time"
)

// script drives a recovery through a story, a second being a number.
type script struct {
	t *testing.T
	r recovery
	v view
}

func newScript(t *testing.T) *script {
	s := &script{t: t, r: recovery{patience: 60 * time.Second, ackWait: 5 * time.Second}}
	s.v = view{now: time.Unix(1000, 0), connected: true, open: 10}
	s.r.began(s.v.now)
	return s
}

func (s *script) wait(d time.Duration) *script {
	s.v.now = s.v.now.Add(d)
	return s
}

func (s *script) state(connected bool, out int, doubt bool) *script {
	s.v.connected, s.v.out, s.v.doubt = connected, out, doubt
	return s
}

func (s *script) want(actions ...action) *script {
	s.t.Helper()
	for i, want := range actions {
		if got := s.r.decide(s.v); got != want {
			s.t.Fatalf("decision %d in stage %d is %d, want %d", i, s.r.stage, got, want)
		}
	}
	return s
}

var errTest = errors.New("busy")

func TestARefusalLetsTheRestSettleThenProbes(t *testing.T) {
	s := newScript(t).state(true, 4, false).want(send)
	s.r.trouble(s.v.now, errTest)
	s.want(hold).wait(time.Second).want(hold)
	s.state(true, 0, false).want(rewind, hold).wait(firstBackoff).want(sendOne)
	s.state(true, 1, false).want(hold)
	s.r.progress(s.v.now)
	s.want(send)
}

func TestALostConnectionIsWaitedForAndProbed(t *testing.T) {
	s := newScript(t).state(true, 4, false)
	s.r.lost(s.v.now, errTest)
	s.state(false, 4, false).want(rewind).state(false, 0, false).want(hold).wait(firstBackoff).want(dialUp)
	s.v.dialling = true
	s.want(hold).wait(time.Second).want(hold)
	s.v.dialling = false
	s.r.dialled(s.v.now, errTest)
	s.want(rewind, hold).wait(firstBackoff).want(dialUp)
	s.r.dialled(s.v.now, nil)
	s.state(true, 0, false).want(sendOne)
	if s.r.waiting(s.v.now) != time.Second+2*firstBackoff {
		t.Fatalf("waiting %s", s.r.waiting(s.v.now))
	}
}

func TestADoubtIsClearedBeforeAnythingIsSentAgain(t *testing.T) {
	s := newScript(t).state(true, 4, false)
	s.r.lost(s.v.now, errTest)
	s.state(true, 0, true).want(rewind).wait(firstBackoff).want(search)
	// The search took so long that the doubt is back: one line goes all the same.
	s.want(sendOne).state(true, 1, true)
	s.r.progress(s.v.now)
	// In the flow a doubt stops the sending, and needs another search.
	s.state(true, 0, true).want(rewind, search)
}

func TestAFailedSearchIsRepeated(t *testing.T) {
	s := newScript(t)
	s.r.lost(s.v.now, errTest)
	s.state(true, 0, true).want(rewind).wait(firstBackoff).want(search)
	s.r.failed(s.v.now, errTest)
	s.want(rewind, hold).wait(firstBackoff).want(search)
	s.r.failed(s.v.now, errTest)
	s.want(rewind, hold).wait(firstBackoff).want(hold).wait(firstBackoff).want(search)
}

func TestSilenceOnALivingConnectionReplacesIt(t *testing.T) {
	s := newScript(t).state(true, 4, false).want(send).wait(5 * time.Second).want(send)
	s.wait(time.Millisecond).want(hangUp).state(false, 4, false).want(rewind).state(false, 0, false).want(hold)
	s.wait(firstBackoff).want(dialUp)
	s.r.dialled(s.v.now, nil)
	s.state(true, 0, false).want(sendOne).state(true, 1, false).want(hold)
	s.wait(probeWait).want(hold).wait(time.Millisecond).want(hangUp)
}

func TestAcknowledgementsThatTrickleAreProgress(t *testing.T) {
	s := newScript(t).state(true, 4, false)
	for range 30 {
		s.wait(4 * time.Second).want(send)
		s.r.progress(s.v.now)
	}
	s.r.trouble(s.v.now, errTest)
	for range 30 {
		s.wait(4 * time.Second).want(hold)
		s.r.progress(s.v.now)
	}
}

func TestPatienceCountsFromTheLastProgress(t *testing.T) {
	s := newScript(t).state(true, 0, false).wait(time.Hour).want(send) // nothing to send for long
	s.r.lost(s.v.now, errTest)
	s.state(false, 0, false).want(rewind, hold).wait(59 * time.Second).want(dialUp)
	s.v.dialling = true
	s.r.progress(s.v.now) // an answer from before the loss
	s.wait(60 * time.Second).want(hold).wait(time.Millisecond).want(giveUp)
}

func TestRepeatedRefusalsOfTheProbeComeFurtherApart(t *testing.T) {
	s := newScript(t)
	s.r.lost(s.v.now, errTest)
	s.want(rewind).wait(firstBackoff)
	begin := s.v.now
	for probes := 0; probes < 8; probes++ {
		s.state(true, 0, false).want(sendOne)
		s.r.trouble(s.v.now, errTest)
		s.want(rewind)
		for s.r.decide(s.v) == hold {
			s.wait(10 * time.Millisecond)
		}
		s.r.enter(blocked, s.v.now) // take the decision back
	}
	if took := s.v.now.Sub(begin); took < 7*time.Second || took > 10*time.Second {
		t.Fatalf("eight probes took %s", took)
	}
}

func TestNothingLeftInFlightNeedsNoProbe(t *testing.T) {
	s := newScript(t)
	s.r.lost(s.v.now, errTest)
	s.v.open = 0
	s.state(true, 0, false).want(rewind).wait(firstBackoff).want(send)
}
