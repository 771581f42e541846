package fleet

// Throttle says why a request was refused, more finely than the wire does. The
// zero value means that it was not.
type Throttle uint8

// The reasons to refuse a request.
const (
	NotThrottled        Throttle = iota
	AccountConcurrency           // the account's unreserved concurrency is in use
	ReservedConcurrency          // the function's reserved concurrency is in use, or is 0
	ScalingRate                  // more than 1,000 new environments per 10 s
	AccountRate                  // more than 10 requests a second for each unit of concurrency
	ReservedRate                 // the same within reserved concurrency
)

// Reason is the Reason member of the 429 body, in the values of the service
// model of Lambda's Invoke. Which of them AWS gives when the scaling rate of a
// function is exceeded is not documented; it is a rate of the function, so this
// package says FunctionInvocationRateLimitExceeded.
func (t Throttle) Reason() string {
	switch t {
	case AccountConcurrency:
		return "ConcurrentInvocationLimitExceeded"
	case ReservedConcurrency:
		return "ReservedFunctionConcurrentInvocationLimitExceeded"
	case ScalingRate, AccountRate:
		return "FunctionInvocationRateLimitExceeded"
	case ReservedRate:
		return "ReservedFunctionInvocationRateLimitExceeded"
	}
	return ""
}

// String names the limit for people.
func (t Throttle) String() string {
	switch t {
	case NotThrottled:
		return "not throttled"
	case AccountConcurrency:
		return "account concurrency"
	case ReservedConcurrency:
		return "reserved concurrency"
	case ScalingRate:
		return "scaling rate"
	case AccountRate:
		return "request rate"
	case ReservedRate:
		return "reserved request rate"
	}
	return "unknown limit"
}
