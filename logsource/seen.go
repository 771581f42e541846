package logsource

import (
	"encoding/binary"
	"hash/maphash"

	"coldbench/record"
)

// seen remembers which events were handed on, as 128-bit hashes with their
// times. Two events are one when their ids agree; where the source gives no
// id, when stream, time and text do. The zero value is not usable.
type seen struct {
	at        map[key]int64
	floor     int  // events below which none is forgotten
	least     int  // size at which forgetting is worth a walk over the map
	byContent bool // ids don't count
}

type key [16]byte

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func newSeen(floor int) *seen { return &seen{at: map[key]int64{}, floor: floor, least: floor} }

// forgetAbove is the floor in use: some 50 MB.
const forgetAbove = 1 << 20

// keyOf identifies an event. Two hashes of 64 bits under independent seeds
// collide for n events with a chance of about n²/2^129.
func (s *seen) keyOf(e *record.Event) key {
	var k key
	for i, seed := range seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		if e.EventID != "" && !s.byContent {
			_, _ = h.WriteString(e.EventID)
		} else {
			var t [8]byte
			binary.LittleEndian.PutUint64(t[:], uint64(e.Timestamp))
			_, _ = h.Write(t[:])
			_, _ = h.WriteString(e.LogStream)
			_ = h.WriteByte(0)
			_, _ = h.WriteString(e.Message)
		}
		binary.LittleEndian.PutUint64(k[8*i:], h.Sum64())
	}
	return k
}

// add reports whether the event is new.
func (s *seen) add(e *record.Event) bool {
	k := s.keyOf(e)
	if _, again := s.at[k]; again {
		return false
	}
	s.at[k] = e.Timestamp
	return true
}

// full says that forgetting is worth its time.
func (s *seen) full() bool { return len(s.at) >= s.least }

// forget drops what is older than a time, so that memory follows the events
// that may still come again. The map is made anew: a Go map never shrinks.
func (s *seen) forget(before int64) {
	kept := map[key]int64{}
	for k, at := range s.at {
		if at >= before {
			kept[k] = at
		}
	}
	s.at = kept
	s.least = max(s.floor, 2*len(kept))
}
