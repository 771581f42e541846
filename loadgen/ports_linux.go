package loadgen

import (
	"fmt"
	"os"
)

// LocalPorts is how many connections this machine can have open to one address,
// 0 where that is not known.
func LocalPorts() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	var low, high int
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil || high < low {
		return 0
	}
	return high - low + 1
}
