package loadgen

import (
	"fmt"

	"coldbench/record"
)

// Foresee says, before a run, what c cannot send as planned on this machine:
// more arrivals at once than may be in flight, than the limit of open files
// allows, or than there are local ports; or more in a second than atMost, which
// was measured here (0 = it was not). It walks the first five million arrivals of
// the schedule.
func Foresee(c Config, atMost float64) []record.Warning {
	c = c.withDefaults()
	var w []record.Warning
	warn := func(code, remedy, format string, a ...any) {
		w = append(w, record.Warning{Code: code, Text: fmt.Sprintf(format, a...), Remedy: remedy})
	}
	limit, byFiles := filesAllow(&c)
	if byFiles {
		warn("file_limit", "raise it (ulimit -n), or lower --max-in-flight",
			"the limit of open files allows %d in flight, not %d", limit, c.MaxInFlight)
	}
	if ports := LocalPorts(); ports > 0 && limit > ports {
		warn("port_limit", "widen it (sysctl net.ipv4.ip_local_port_range), or lower --max-in-flight",
			"the range of local ports allows %d connections to one address, not %d", ports, limit)
		limit = ports
	}
	p := beginning(c.Schedule)
	if p.PeakTogether > int64(limit) {
		warn("in_flight_limit", "raise --max-in-flight, or spread the burst",
			"%d arrivals are due within 10 ms, %d may be in flight: the others will not be sent", p.PeakTogether, limit)
	}
	if peak := float64(p.PeakPerSecond); atMost > 0 && peak > atMost {
		warn("rate_limit", "lower the rate, use --client lean for an http(s) target, or generate the load on a larger machine",
			"the busiest second has %.0f arrivals; bench calibrate found that this machine sends %.0f at most", peak, atMost)
	}
	return w
}
