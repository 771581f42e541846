// Package fleet is the control plane of Lambda as a pure state machine: which
// execution environment gets a request, when a new one must start, when an idle
// one is dropped, and when a request is throttled.
//
// Time is an argument. The package has no clock, no goroutine, no lock, no map
// and, once its slices have grown, no allocation on the path of a request. One
// control plane thus serves two clocks: an emulator drives it by the wall clock
// under its own lock, a simulator by a virtual one, and both must come to equal
// decisions for equal arrivals and equal seeds.
//
// The nouns, from the outside in:
//
//   - An Account shares one concurrency limit among its functions.
//   - A Function has reserved concurrency, a scaling rate and a request rate.
//   - A Pool holds the execution environments of one version of a function.
//   - An Env is a slot of a Pool. It serves one request at a time.
//
// One request:
//
//  1. Pool.Arrive(now) answers at once: Provisioned, Warm or Cold with an Env, or
//     Throttled with a reason. A request is never queued.
//  2. The driver runs the request in that environment, starting it first if the
//     decision was Cold.
//  3. Pool.Done(env, now) makes the environment idle and draws how long it will
//     be kept.
//  4. Pool.Expire(now, ...) lists what has been dropped since. Nothing expires
//     before Pool.NextExpiry, so a driver sets one timer, or none.
//
// Three knobs, off by default, model what AWS documents without numbers or not at
// all: Zones, environments initialised Ahead of requests, and Borrow, by which a
// request leaves the environment that still starts for one that falls idle. Their
// calls (Ahead, Initialised, Reassign) are needed with them alone.
//
// What is a fact of AWS and what is an assumption is said where the number
// stands. In short: the scaling rate, the request rate, reserved and provisioned
// concurrency and the reasons of a throttle are documented; how long an idle
// environment is kept and which one is reused are not, so both are policies
// (KeepAlive, Placement) with defaults from published measurements.
//
// Every call of one Account and all that hangs on it must come from one
// goroutine at a time, with time that does not run backwards; a time earlier
// than the last one is taken as the last one.
package fleet
