package main

import (
	"context"
	"os"
)

func main() {
	paceHeap()
	ctx, stop := interruptible(context.Background(), os.Stderr)
	code := run(ctx, newApp(), os.Args[1:])
	stop()
	os.Exit(code)
}
