package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

func TestEachFaultIsCountedUnderItsCause(t *testing.T) {
	for what, cause := range map[fault]Cause{
		drop: CauseNumber, repeat: CauseNumber, swap: CauseNumber, flip: CauseDamaged, truncate: CauseDamaged, cutOff: CauseLost, replay: CauseSession,
	} {
		for _, kind := range []Kind{KindFrame, KindSeal} {
			if what == replay && kind == KindSeal {
				continue
			}
			t.Run(what.String()+" "+kind.String(), func(t *testing.T) {
				hit := 0
				inWorld(t, func(w *world) {
					w.origin.publish(w.rand, 5000)
					w.net.fault = func(toSink bool, data []byte) fault {
						if toSink && Kind(data[0]) == kind {
							if hit++; hit == 2 {
								return what
							}
						}
						return pass
					}
				}, func(w *world) {
					w.caughtUp()
					w.sealed()
					w.equal()
					refused := w.link.Status().Refused
					if len(refused) != 1 || refused[cause] != 1 {
						t.Errorf("refused %v, want %s once", refused, cause)
					}
				})
			})
		}
	}
}

func TestTheLastFrameBeforeASilenceIsNotLost(t *testing.T) {
	lose := false
	inWorld(t, func(w *world) {
		w.net.fault = func(toSink bool, data []byte) fault {
			if toSink && Kind(data[0]) == KindFrame && lose {
				lose = false
				return drop
			}
			return pass
		}
	}, func(w *world) {
		w.origin.publish(w.rand, 10)
		w.caughtUp()
		w.net.set(func() { lose = true })
		w.origin.publish(w.rand, 1)
		w.within(3*time.Second, w.behind)
	})
}

func TestCreditBoundsWhatIsUnderWay(t *testing.T) {
	var most uint64
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 20000)
		w.cfg.Credit, w.cfg.Frame = 100_000, 16<<10
		w.home.faults = memFaults{apply: 20 * time.Millisecond, ack: 20 * time.Millisecond}
		var frames []*Frame
		w.net.sent = func(toSink bool, data []byte) {
			if Kind(data[0]) != KindFrame {
				return
			}
			m, err := Decode(data)
			if err != nil {
				t.Error(err)
				return
			}
			frames = append(frames, m.(*Frame))
			under, end := uint64(0), w.replica().end()
			for _, f := range frames {
				if f.Last() > end {
					under += uint64(f.Raw)
				}
			}
			most = max(most, under)
		}
	}, func(w *world) {
		w.caughtUp()
		w.equal()
	})
	if most > 100_000 || most < 80_000 {
		t.Errorf("%d uncompressed bytes were under way, the credit is 100,000", most)
	}
}

func TestEntriesLargerThanTheCreditTravelAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.Credit = 10_000
		w.origin.change(func() {
			for range 20 {
				w.origin.last++
				w.origin.entries[w.origin.last] = entry.Entry{Offset: w.origin.last, Subject: []byte("a"), Body: random(w.rand, w.rand.IntN(30_000))}
			}
		})
	}, func(w *world) {
		w.within(500*time.Millisecond, w.behind) // no heartbeat is needed in between
		w.equal()
	})
}

func TestARestartedSinkGoesOnAtItsReplicasEnd(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 3000) }, func(w *world) {
		w.caughtUp()
		w.restartLink()
		w.origin.publish(w.rand, 500)
		w.caughtUp()
		w.equal()
		if s := w.link.Status(); s.Entries != 500 || s.Resent != 0 || s.Sessions != 1 {
			t.Errorf("%d entries, %d resent in %d sessions, want 500, 0, 1", s.Entries, s.Resent, s.Sessions)
		}
	})
}

func TestABlackHoleEndsTheSessionAndHealsFast(t *testing.T) {
	for _, jam := range []bool{false, true} {
		for _, length := range []time.Duration{4200 * time.Millisecond, 5 * time.Second, 6500 * time.Millisecond, 12 * time.Second, time.Minute} {
			t.Run(fmt.Sprintf("%s, sends block: %t", length, jam), func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					w.origin.publish(w.rand, 10)
					w.caughtUp()
					w.net.set(func() { w.net.hole, w.net.jam = true, jam })
					w.origin.publish(w.rand, 10)
					began := time.Now()
					w.within(4200*time.Millisecond, func() string {
						if w.link.Status().State == StateStreaming {
							return "still streaming into a black hole"
						}
						return ""
					})
					if s := w.link.Status(); s.Fresh {
						t.Error("the head still counts as fresh")
					}
					time.Sleep(length - time.Since(began))
					w.net.set(func() { w.net.hole, w.net.jam = false, false })
					limit := time.Second
					if length == time.Minute { // one of its rare patient tries may be under way
						limit = 3500 * time.Millisecond
					}
					w.within(limit, w.behind)
				})
			})
		}
	}
}

func TestASlowPathIsServedInTheEnd(t *testing.T) {
	inWorld(t, func(w *world) { w.net.delay = 600 * time.Millisecond; w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		w.net.cutAll()
		w.origin.publish(w.rand, 100)
		w.within(4*time.Second, w.behind)
		if n := w.link.Status().Sessions; n != 2 {
			t.Errorf("%d sessions, want 2: what one try has learnt serves the next", n)
		}
	})
}

func TestALinkThatRetentionOvertookHaltsAndDoesNotJump(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 100)
		w.caughtUp()
		w.stopLink()
		<-w.linkDone
		w.origin.publish(w.rand, 400)
		w.origin.cut(301)
		w.startLink()
		s := w.halted(CauseTrimmed)
		if s.Missing != (geo.Range{First: 101, Last: 300}) {
			t.Errorf("it says that %s is missing", s.Missing)
		}
		if !strings.Contains(s.Reason, "101…300") {
			t.Errorf("the reason does not name what is missing: %s", s.Reason)
		}
		time.Sleep(20 * time.Second)
		if w.replica().end() != 100 || w.link.Status().State != StateHalted {
			t.Errorf("the replica went on to %d, %s", w.replica().end(), w.link.Status().State)
		}
	})
}

func TestRetentionOvertakesInTheMiddleOfASession(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 20_000)
		w.cfg.Credit = 20_000
		w.home.faults.apply = 100 * time.Millisecond
	}, func(w *world) {
		time.Sleep(500 * time.Millisecond)
		w.origin.cut(15_001)
		s := w.halted(CauseTrimmed)
		if !strings.Contains(s.Reason, "…15000") {
			t.Errorf("the reason does not name what is missing: %s", s.Reason)
		}
		if end := w.replica().end(); end > 15_000 {
			t.Errorf("the replica jumped to %d", end)
		}
	})
}

func TestAnUnexplainedHoleHaltsTheLink(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 100)
		delete(w.origin.entries, 50)
	}, func(w *world) {
		s := w.halted(CauseGap)
		if !strings.Contains(s.Reason, " 50 ") || w.replica().end() > 49 {
			t.Errorf("the replica ends at %d: %s", w.replica().end(), s.Reason)
		}
		if p := w.sealer.Problem(); p != "" {
			t.Errorf("the sealer complains about a block that is not whole yet: %s", p)
		}
		w.origin.publish(w.rand, 2000)
		w.within(5*time.Second, func() string {
			if !strings.Contains(w.sealer.Problem(), "offsets 50 of") {
				return "the sealer does not tell of the hole"
			}
			return ""
		})
		if n := len(w.origin.copySeals()); n != 0 {
			t.Errorf("%d blocks were sealed over a hole", n)
		}
	})
}

func TestAReplicaAheadOfItsHolderHalts(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		w.stopLink()
		<-w.linkDone
		w.origin.change(func() {
			for ; w.origin.last > 90; w.origin.last-- {
				delete(w.origin.entries, w.origin.last)
			}
		})
		w.startLink()
		w.halted(CauseAhead)
		if w.replica().end() != 100 {
			t.Errorf("the replica now ends at %d", w.replica().end())
		}
	})
}

func TestAHolderThatLosesItsTailHaltsTheLink(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		time.Sleep(1500 * time.Millisecond)
		w.origin.change(func() { w.origin.last = 90 })
		w.halted(CauseAhead)
	})
}

func TestAnotherEntryAtTheReplicasEndIsFoundAtTheHandshake(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		w.stopLink()
		<-w.linkDone
		forge(w.replica(), 100)
		w.origin.publish(w.rand, 10)
		w.startLink()
		w.halted(CauseConflict)
		if w.replica().end() != 100 {
			t.Errorf("entries were put behind a forged one, up to %d", w.replica().end())
		}
	})
}

func TestAnotherEntryInsideABlockIsFoundByItsSeal(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 2000) }, func(w *world) {
		w.within(900*time.Millisecond, w.behind) // before the first seals come
		w.stopLink()
		<-w.linkDone
		if len(w.replica().copySeals()) != 0 {
			t.Fatal("the block is sealed already")
		}
		forge(w.replica(), 500)
		w.startLink()
		s := w.halted(CauseConflict)
		if !strings.Contains(s.Reason, "1…1024") || len(w.replica().copySeals()) != 0 {
			t.Errorf("%s", s.Reason)
		}
		// Ends and epochs agree at every handshake; still nothing may be added.
		end, sessions := w.replica().end(), s.Sessions
		w.origin.publish(w.rand, 100)
		time.Sleep(30 * time.Second)
		if s := w.link.Status(); s.State != StateHalted || w.replica().end() != end || s.Sessions != sessions {
			t.Errorf("the link is %s after %d sessions more, the replica went on from %d to %d", s.State, s.Sessions-sessions, end, w.replica().end())
		}
	})
}

// forge makes the entry at offset another one.
func forge(l *memLog, offset geo.Offset) {
	l.change(func() {
		e := l.entries[offset]
		e.Body = append([]byte("forged "), e.Body...)
		l.entries[offset] = e
	})
}

func TestSealsThatComeLateAreCheckedByReadingTheReplica(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 3000) }, func(w *world) {
		w.within(900*time.Millisecond, w.behind)
		w.restartLink() // the sums of what has passed by are gone
		before := w.replica().began()
		w.sealed()
		if s := w.link.Status(); s.Seals != 2 {
			t.Errorf("%d seals proved, want 2", s.Seals)
		}
		if w.replica().began() == before {
			t.Error("the replica was not read")
		}
	})
}

func TestALiveEntryArrivesWithinTheLinger(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 1)
		w.caughtUp()
		for i := range 200 {
			time.Sleep(time.Duration(w.rand.IntN(int(2*linger))) + time.Microsecond)
			w.origin.publish(w.rand, 1)
			w.within(linger+time.Millisecond, w.behind)
			if t.Failed() {
				t.Fatalf("entry %d came late", i)
			}
		}
	})
}

func TestABusyLiveLogTakesAFramePerLinger(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 1)
		w.caughtUp()
		before := w.link.Status().Frames
		for range 10_000 { // a second of 10,000 entries/s
			time.Sleep(100 * time.Microsecond)
			w.origin.publish(w.rand, 1)
		}
		w.caughtUp()
		if frames := w.link.Status().Frames - before; frames > uint64(time.Second/linger)+2 || frames < 200 {
			t.Errorf("%d frames in a second, want at most %d", frames, time.Second/linger)
		}
	})
}

func TestAnIdleLinkSendsOneBeatAndOneCreditPerHeartbeat(t *testing.T) {
	sent := map[Kind]int{}
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 5000)
		w.net.sent = func(_ bool, data []byte) { sent[Kind(data[0])]++ }
	}, func(w *world) {
		w.caughtUp()
		w.sealed()
		time.Sleep(1500 * time.Millisecond)
		w.net.set(func() { clear(sent) })
		time.Sleep(time.Minute)
		w.net.set(func() {
			if len(sent) != 2 || sent[KindBeat] != 60 || sent[KindCredit] != 60 {
				t.Errorf("in a minute: %v", sent)
			}
		})
		if s := w.link.Status(); !s.Fresh || time.Since(s.HeadAt) > time.Second || s.Used != 0 {
			t.Errorf("an idle link's head is of %s, fresh: %t, %d bytes under way", s.HeadAt, s.Fresh, s.Used)
		}
	})
}

func TestTheReplicaFollowsItsOriginsRetention(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 5000) }, func(w *world) {
		w.caughtUp()
		w.sealed()
		for _, first := range []geo.Offset{2, 1024, 1025, 1026, 4000, 5001} { // the last empties the log
			w.origin.cut(first)
			w.within(3*time.Second, func() string {
				if got := w.replica().start(); got != first {
					return fmt.Sprintf("the replica begins at %d, not at %d", got, first)
				}
				return ""
			})
		}
		w.restartLink()
		w.origin.publish(w.rand, 3000)
		w.caughtUp()
		w.equal()
		w.within(5*time.Second, func() string {
			if n := w.link.Status().Seals; n < 2 {
				return fmt.Sprintf("%d seals proved behind the trimmed ones", n)
			}
			return ""
		})
	})
}

func TestAReplicaMayBeginInsideABlock(t *testing.T) {
	for _, first := range []geo.Offset{2, 500, 1024, 1025, 1026, 3001} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.origin.publish(w.rand, 3000)
				w.origin.cut(first)
			}, func(w *world) {
				w.origin.publish(w.rand, 3000)
				w.caughtUp()
				w.equal()
				whole := 6000/geo.BlockSize - int((first+geo.BlockSize-2)/geo.BlockSize)
				w.within(5*time.Second, func() string {
					if got := w.link.Status().Seals; got != uint64(whole) {
						return fmt.Sprintf("%d seals proved, want %d", got, whole)
					}
					return ""
				})
				if s := w.link.Status(); len(s.Refused) > 0 {
					t.Errorf("refused %v: %s", s.Refused, s.Reason)
				}
			})
		})
	}
}

func TestALogTooYoungForTheSinkIsAwaited(t *testing.T) {
	inWorld(t, func(w *world) { w.holder.log = nil }, func(w *world) {
		time.Sleep(3 * time.Second)
		if s := w.link.Status(); s.Refused[CauseNoLog] < 3 || s.State == StateHalted {
			t.Errorf("%s, refused %v", s.State, s.Refused)
		}
		w.holder.mu.Lock()
		w.holder.log = w.origin
		w.holder.mu.Unlock()
		w.origin.publish(w.rand, 10)
		w.within(time.Second, w.behind)
	})
}

// laggingLog tells where it ended a while ago, as StreamInfo does under load.
type laggingLog struct {
	*memLog
	lag time.Duration
}

func (l laggingLog) Extent(ctx context.Context) (geo.Extent, error) {
	e, err := l.memLog.Extent(ctx)
	time.Sleep(l.lag)
	return e, err
}

type laggingHolder struct{ log laggingLog }

func (h laggingHolder) Held(context.Context, geo.CommitLog) (HeldLog, error) { return h.log, nil }

func TestAnExtentThatComesLateIsNoLostTail(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.sources.Holder = laggingHolder{laggingLog{w.origin, 200 * time.Millisecond}}
	}, func(w *world) {
		for range 3000 {
			time.Sleep(2 * time.Millisecond)
			w.origin.publish(w.rand, 1)
		}
		w.caughtUp()
		if s := w.link.Status(); len(s.Refused) > 0 {
			t.Errorf("refused %v: %s", s.Refused, s.Reason)
		}
	})
}

// deafLog never answers.
type deafLog struct{ *memLog }

func (l deafLog) Extent(ctx context.Context) (geo.Extent, error) {
	<-ctx.Done()
	return geo.Extent{}, ctx.Err()
}

type deafHolder struct{ log deafLog }

func (h deafHolder) Held(context.Context, geo.CommitLog) (HeldLog, error) { return h.log, nil }

func TestAHolderWhoseBrokerHangsRefusesInTheEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.sources.Holder = deafHolder{deafLog{w.origin}}
		w.cfg.Heartbeat = 3 * time.Second
	}, func(w *world) {
		w.within(20*time.Second, func() string {
			if n := w.link.Status().Refused[CauseLocal]; n == 0 {
				return "the holder does not say that its broker hangs"
			}
			return ""
		})
	})
}

func TestRefusedAppendsAndForeignWritersEndTheSession(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		e := entry.Entry{Offset: 101, Subject: []byte("x"), Body: []byte("not from the origin")}
		if err := w.replica().store(&e); err != nil {
			t.Fatal(err)
		}
		w.origin.publish(w.rand, 10)
		w.within(10*time.Second, func() string {
			if r := w.link.Status().Refused; r[CauseFenced] != 1 || r[CauseConflict] == 0 {
				return fmt.Sprintf("refused %v, want fenced once, then conflict", r)
			}
			return ""
		})
	})
}

func TestAReplicaThatCannotBeMadeHaltsTheLink(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.Replicas = unfit{}
		w.origin.publish(w.rand, 1)
	}, func(w *world) {
		if s := w.halted(CauseRefused); !strings.Contains(s.Reason, "limits") {
			t.Errorf("the reason is lost: %s", s.Reason)
		}
	})
}

type unfit struct{}

func (unfit) Open(context.Context, geo.CommitLog) (Replica, error) { return nil, ErrNoLog }
func (unfit) Create(context.Context, geo.CommitLog, geo.Offset, geo.Epochs) (Replica, error) {
	return nil, fmt.Errorf("%w: it has limits of its own", ErrStream)
}

func TestNobodyAnswering(t *testing.T) {
	inWorld(t, func(w *world) { w.cfg.Dialer = nobody{} }, func(w *world) {
		time.Sleep(2 * time.Second)
		if s := w.link.Status(); s.Refused[CauseAnswering] < 3 || len(s.Refused) != 1 {
			t.Errorf("refused %v", s.Refused)
		}
	})
}

type nobody struct{}

func (nobody) Dial(context.Context, geo.Region, []byte) (Conn, error) {
	return deadConn{ErrNoSource}, nil
}

func TestLagIsUnknownWithoutAFreshHead(t *testing.T) {
	s := LinkStatus{Applied: 90, Head: Head{Last: 100, Entries: 50, Bytes: 5000, Time: 3e9}, AppliedTime: 1e9}
	if _, _, _, ok := s.Lag(); ok {
		t.Error("a stale head was used")
	}
	s.Fresh = true
	if entries, bytes, age, ok := s.Lag(); !ok || entries != 10 || bytes != 1000 || age != 2*time.Second {
		t.Errorf("%d entries, %d bytes, %s, %t", entries, bytes, age, ok)
	}
	s.Applied = 101
	if entries, bytes, age, ok := s.Lag(); !ok || entries != 0 || bytes != 0 || age != 0 {
		t.Errorf("%d entries, %d bytes, %s, %t", entries, bytes, age, ok)
	}
}

func TestAppliedTimeIsThatOfAppliedEntries(t *testing.T) {
	inWorld(t, func(w *world) { w.home.faults.apply = 300 * time.Millisecond }, func(w *world) {
		w.origin.publish(w.rand, 1)
		w.caughtUp()
		first := w.origin.at(1).Time
		time.Sleep(time.Second)
		w.origin.publish(w.rand, 1)
		time.Sleep(100 * time.Millisecond)
		if got := w.link.Status().AppliedTime; got != first {
			t.Errorf("an entry under way counts as applied: %d, want %d", got, first)
		}
		w.caughtUp()
		w.within(time.Second, func() string {
			if w.link.Status().AppliedTime == first {
				return "the applied time stays"
			}
			return ""
		})
	})
}

func TestClosingInABlackHoleIsSwift(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 1) }, func(w *world) {
		w.caughtUp()
		w.net.set(func() { w.net.hole, w.net.jam = true, true })
		began := time.Now()
		w.close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("closing took %s", took)
		}
		w.net.set(func() { w.net.hole, w.net.jam = false, false })
	})
}

func TestAnEntryLargerThanAnyFrameHaltsTheLink(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.Codec = S2
		w.origin.change(func() {
			w.origin.last++
			w.origin.entries[1] = entry.Entry{Offset: 1, Subject: []byte("a"), Body: make([]byte, MaxRaw)}
		})
	}, func(w *world) { w.halted(CauseRefused) })
}

var _ error = (*GapError)(nil)

func TestGapErrorsSayWhatToDo(t *testing.T) {
	var gap *GapError
	err := error(&GapError{Log: ordersLog, Missing: geo.Range{First: 5, Last: 9}, At: "us-east"})
	if !errors.As(err, &gap) || !strings.Contains(err.Error(), "5…9") || !strings.Contains(err.Error(), "geomq verify") {
		t.Error(err)
	}
}
