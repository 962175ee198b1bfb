package configs

import (
	"fmt"
	"slices"
	"strings"

	"geomq/geo"
)

func (c *Config) validateLogs(ps *Problems) {
	if len(c.Logs) > maxLogs {
		ps.add("logs", "%s", tooManyLogs(len(c.Logs)))
	}
	names := map[string]int{}
	for i := range c.Logs {
		l, at := &c.Logs[i], index("logs", i)
		l.validateName(ps, at, names, i)
		c.validateLogRegions(ps, at, l)
		c.validateMode(ps, at, l)
		checkWord(ps, at+".flush", l.Flush, FlushAsync, FlushSync)
		l.validateTimes(ps, at)
		l.validateLimits(ps, at)
	}
	validateTopics(ps, c.Logs)
}

func tooManyLogs(n int) string { return fmt.Sprintf("names %d logs, at most %d fit", n, maxLogs) }

// validateName adds l to the names seen. Case is ignored, because stream names
// become file names, and not every file system tells "Orders" from "ORDERS".
func (l *Log) validateName(ps *Problems, at string, names map[string]int, i int) {
	at += ".name"
	if l.Name == "" {
		ps.add(at, "is required; name the log, e.g. ORDERS")
		return
	}
	if bad := badName(string(l.Name), geo.ParseLogName); bad != "" {
		ps.add(at, "%s", bad)
	}
	lower := strings.ToLower(string(l.Name))
	if first, ok := names[lower]; ok {
		ps.add(at, "%s is already the name of logs[%d] (case does not count); choose another", quote(string(l.Name)), first)
		return
	}
	names[lower] = i
}

func (c *Config) validateLogRegions(ps *Problems, at string, l *Log) {
	at += ".regions"
	if slices.Equal(l.Regions, c.Regions) || len(c.Regions) > maxRegions {
		return // what is wrong with them is reported at the deployment's list
	}
	if len(l.Regions) > maxRegions {
		ps.add(at, "names %d regions, the deployment has %d", len(l.Regions), len(c.Regions))
		return
	}
	if len(l.Regions) == 0 {
		ps.add(at, "is empty; name the regions that have the log, or leave the field out for all")
	}
	for i, r := range l.Regions {
		if !slices.Contains(c.Regions, r) {
			ps.add(index(at, i), "%s is none of the deployment's regions (%s)", quote(string(r)), list(c.Regions))
		}
		if slices.Contains(l.Regions[:i], r) {
			ps.add(index(at, i), "%s stands here a second time; keep one", quote(string(r)))
		}
	}
}

func (c *Config) validateMode(ps *Problems, at string, l *Log) {
	at += ".mode"
	switch l.Mode {
	case "multi-master", "async":
		ps.add(at, "%s is not in this version, which has single and sync", quote(string(l.Mode)))
	case ModeSync:
		if c.Broker.Brokers < syncBrokers && slices.Contains(l.Regions, c.Region) {
			ps.add(at, "sync needs a majority of %d brokers or more in the region, but broker.brokers is %d; use single, or add brokers",
				syncBrokers, c.Broker.Brokers)
		}
	default:
		checkWord(ps, at, l.Mode, ModeSingle, ModeSync)
	}
}

func (l *Log) validateTimes(ps *Problems, at string) {
	age, window := Duration(l.Retention.MaxAge), Duration(l.DedupeWindow)
	switch {
	case age < 0:
		ps.add(at+".retention.max_age", "%v is negative; leave the field out for no limit", age)
	case age > 0 && age < Duration(minMaxAge):
		ps.add(at+".retention.max_age", "%v is less than the least, %v", age, Duration(minMaxAge))
	case age > 0 && window > age:
		ps.add(at+".dedupe_window", "%v is longer than retention.max_age (%v), which the broker refuses; shorten it", window, age)
	}
	checkRange(ps, at+".dedupe_window", window, Duration(minDedupe), Duration(maxDedupe))
}

func (l *Log) validateLimits(ps *Problems, at string) {
	if l.Retention.MaxBytes < 0 {
		ps.add(at+".retention.max_bytes", "%v is negative; leave the field out for no limit", l.Retention.MaxBytes)
	}
	if l.Retention.MaxEntries < 0 {
		ps.add(at+".retention.max_entries", "%d is negative; leave the field out for no limit", l.Retention.MaxEntries)
	}
}
