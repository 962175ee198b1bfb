package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
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

// watchSignals calls first for the first signal and second for the next one.
func watchSignals(signals <-chan os.Signal, done <-chan struct{}, first, second func()) {
	for _, react := range []func(){first, second} {
		select {
		case <-done:
			return
		case <-signals:
			react()
		}
	}
}
