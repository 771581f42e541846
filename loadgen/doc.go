// Package loadgen schedules arrivals and sends them open-loop: the moment of a
// send never depends on the reply to another.
//
// A Schedule is a pure function of shape and seed. Run walks it by the clock,
// sends each arrival to a Target at its due time and never before, and hands
// one record.Invocation for every arrival to a Recorder, whatever became of
// it: an arrival that could not be sent is a row too.
//
// It does not know what is behind the Target, keeps no statistics of the
// replies beyond its own lateness, and never retries.
package loadgen
