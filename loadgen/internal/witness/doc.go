// Package witness is a server that knows when requests were sent, and what that
// says of the generator that sent them.
//
// A generator's own figure of its lateness is a statement in its own cause.
// Here the kernel is asked:
//
//  1. Serve answers every request with the same 200 bytes, from one thread, and
//     has the kernel stamp what arrives (SO_TIMESTAMPNS). On loopback the stamp
//     is made inside the sender's own system call, so it is the time of the
//     send, not that at which the server got to run.
//  2. Against compares the stamps with an intended schedule, and Rhythm says how
//     even they are.
//
// The offset between the clocks is not known for a foreign generator. The first
// percentile of (stamp - intended) is taken for it, which subtracts the twenty
// to forty microseconds that the quickest sends take; where the start is known,
// Since gives the error without that favour.
//
// It understands just enough HTTP to count requests without a body, is Linux
// only, and is used by the comparison in ../compare and by tests.
package witness
