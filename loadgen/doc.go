// Package loadgen schedules arrivals and sends them open-loop: the moment of a
// send never depends on the reply to another.
//
// How a load becomes rows:
//
//  1. A Schedule says when the arrivals are due: a pure function of shape and
//     seed. FromLoad makes the one of a plan; Constant, Poisson, Ramp, Spread,
//     Pings and others are the pieces, Merge, Concat and Cut put them together,
//     a Trace replays recorded traffic. Describe says what a schedule asks for
//     without sending anything.
//  2. Run walks it by the clock. Due times are absolute, counted from one
//     start, so that a late send makes no later one late. It waits on an
//     absolute timer of the kernel where there is one (see Waiter); Go's own
//     timers are half a millisecond late.
//  3. Everything that is due leaves in one pass. One worker waits; it takes the
//     first due arrival itself, hands the others to idle workers and the watch
//     to one of them. Workers and connections for the expected concurrency are
//     there before the first arrival; more are added at a limited rate.
//  4. A Target makes one attempt of each and says what became of it.
//  5. The Recorder gets one record.Invocation for every arrival that was due,
//     whatever became of it. One that could not be sent, because too many were
//     in flight, files ran out or no worker came free in time, is a row with
//     the outcome record.NotSent and the reason.
//
// Three times are kept of each row: intended, sent, done. Response counts from
// intended, so that a target that stalls is charged with all whom it kept
// waiting; lag (sent - intended) is the generator's own fault and is reported
// beside it in Stats. No sample is ever invented to correct another.
//
// It does not know what is behind the Target, keeps no statistics of the
// replies beyond its own lateness, and never retries.
package loadgen
