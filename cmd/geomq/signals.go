package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// interruptible returns a context that ends with the first SIGINT or SIGTERM; a
// second one ends the process. stop gives the signals back.
func interruptible(parent context.Context, notice io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watchSignals(signals, done, cancel, func() {
			fmt.Fprintln(notice, "geomq: stopped at once")
			os.Exit(exitKilled)
		})
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-ended
		cancel()
	}
}

// sameSignal is how long further signals count as the first one: a Ctrl-C often
// comes twice, from the terminal and from the program that started us.
const sameSignal = 300 * time.Millisecond

// watchSignals calls first for the first signal and second for the next one that
// isn't the same.
func watchSignals(signals <-chan os.Signal, done <-chan struct{}, first, second func()) {
	select {
	case <-done:
		return
	case <-signals:
		first()
	}
	same := time.NewTimer(sameSignal)
	defer same.Stop()
	for settled := false; ; {
		select {
		case <-done:
			return
		case <-same.C:
			settled = true
		case <-signals:
			if settled {
				second()
				return
			}
		}
	}
}
