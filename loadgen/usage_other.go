//go:build !unix

package loadgen

import "time"

func processCPU() time.Duration { return 0 }
func freeFiles() int64          { return -1 }
