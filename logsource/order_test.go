package logsource_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coldbench/logsource"
	"coldbench/record"
)

func TestInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		slack := int64(rapid.IntRange(0, 1000).Draw(rt, "slack ms"))
		n := rapid.IntRange(0, 100).Draw(rt, "events")
		type coming struct {
			e  record.Event
			at int64
		}
		var all []coming
		for i := range n {
			at := int64(1 + i*20)
			all = append(all, coming{record.Event{Timestamp: at, EventID: string(rune('a' + i))}, at + rng.Int64N(slack+1)})
		}
		slices.SortStableFunc(all, func(a, b coming) int { return int(a.at - b.at) })
		broken := errors.New("broken")
		var got []int64
		var last error
		for e, err := range logsource.InOrder(func(yield func(record.Event, error) bool) {
			for _, c := range all {
				if !yield(c.e, nil) {
					return
				}
			}
			yield(record.Event{}, broken)
		}, time.Duration(slack)*time.Millisecond) {
			if last = err; err == nil {
				got = append(got, e.Timestamp)
			}
		}
		if len(got) != n || !slices.IsSorted(got) || !errors.Is(last, broken) {
			rt.Fatalf("%v, %v", got, last)
		}
	})
}

func TestInOrderStops(t *testing.T) {
	for range logsource.InOrder(func(yield func(record.Event, error) bool) {
		for i := int64(1); yield(record.Event{Timestamp: i * 1000}, nil); i++ {
		}
	}, time.Second) {
		break
	}
}
