package loadgen

// OffsetOf is the arithmetic of Constant, for arrivals that no test can wait
// for.
var OffsetOf = offsetOf
