package fleet

import (
	"errors"
	"fmt"
	"time"
)

// The documented quotas (AWS Lambda developer guide, "Lambda quotas" and
// "Lambda function scaling behavior", as of November 2026).
const (
	DefaultConcurrency    = 1000 // concurrent requests of an account in a region
	DefaultMinUnreserved  = 100  // what reservations must leave
	DefaultEnvironments   = 1000 // new environments of a function per ScalingWindow
	DefaultRequestsPerEnv = 10   // requests a second for each unit of concurrency
	ScalingWindow         = 10 * time.Second
)

// Limits are the quotas of an account. The zero value has no limit at all;
// DefaultLimits has those of AWS.
type Limits struct {
	Concurrency    int // requests in flight over all functions; 0 = no limit
	MinUnreserved  int // concurrency that reservations must leave
	Environments   int // new environments of one function per ScalingWindow; 0 = no limit
	RequestsPerEnv int // requests a second for each unit of concurrency; 0 = no limit
}

// DefaultLimits are the quotas that AWS documents for an account.
func DefaultLimits() Limits {
	return Limits{
		Concurrency:    DefaultConcurrency,
		MinUnreserved:  DefaultMinUnreserved,
		Environments:   DefaultEnvironments,
		RequestsPerEnv: DefaultRequestsPerEnv,
	}
}

// Account shares the concurrency of one account and region among its functions.
type Account struct {
	limits   Limits
	reserved int // reservations, plus provisioned concurrency of functions without one
	busy     int // requests in flight that count against the unreserved rest
	rate     rate
	now      time.Duration
}

// NewAccount makes an account with no function.
func NewAccount(l Limits) *Account {
	a := &Account{limits: l}
	a.resize()
	return a
}

// Limits are the quotas the account was made with.
func (a *Account) Limits() Limits { return a.limits }

// Unreserved is the concurrency that no function has for itself. It is 0 when
// the account has no limit.
func (a *Account) Unreserved() int { return max(0, a.limits.Concurrency-a.reserved) }

// InFlight counts the requests that use unreserved concurrency now.
func (a *Account) InFlight() int { return a.busy }

// Concurrency changes the account's limit. Requests in flight go on.
func (a *Account) Concurrency(n int) {
	a.limits.Concurrency = n
	a.resize()
}

func (a *Account) resize() { a.rate.resize(a.Unreserved()*a.limits.RequestsPerEnv, a.now) }

// tick moves the account's time on and returns it.
func (a *Account) tick(now time.Duration) time.Duration {
	a.now = max(a.now, now)
	return a.now
}

// claim changes what is set aside from the shared limit by delta.
func (a *Account) claim(delta int) error {
	if a.limits.Concurrency > 0 && delta > 0 && a.limits.Concurrency-a.reserved-delta < a.limits.MinUnreserved {
		return &UnreservedError{Minimum: a.limits.MinUnreserved}
	}
	a.reserved += delta
	a.resize()
	return nil
}

// UnreservedError refuses a reservation that would leave less than the account's
// minimum of unreserved concurrency.
type UnreservedError struct{ Minimum int }

// Error implements error.
func (e *UnreservedError) Error() string {
	return fmt.Sprintf("reserve concurrency: less than %d would be left unreserved", e.Minimum)
}

// ErrBelowProvisioned refuses a reservation smaller than the provisioned
// concurrency of the function.
var ErrBelowProvisioned = errors.New("reserve concurrency: less than the provisioned concurrency of the function")

// ErrAboveReserved refuses provisioned concurrency larger than the reservation.
var ErrAboveReserved = errors.New("provision concurrency: more than the reserved concurrency of the function")

// Function holds what all versions of one function share.
type Function struct {
	account     *Account
	reserved    int // unreserved = -1
	provisioned int // sum over its pools
	busy        int // requests in flight on demand
	scale       rate
	rate        rate // within reserved concurrency
}

const unreserved = -1

// Function adds a function without reservation to the account.
func (a *Account) Function() *Function {
	return &Function{account: a, reserved: unreserved, scale: perWindow(a.limits.Environments, ScalingWindow)}
}

// Reserved is the reserved concurrency; ok is false where there is none.
func (f *Function) Reserved() (n int, ok bool) { return max(0, f.reserved), f.reserved != unreserved }

// Provisioned is the sum of provisioned concurrency over the function's pools.
func (f *Function) Provisioned() int { return f.provisioned }

// InFlight counts the function's requests that run on demand now.
func (f *Function) InFlight() int { return f.busy }

// Reserve sets the reserved concurrency. 0 throttles every request. The error is
// an *UnreservedError or ErrBelowProvisioned; nothing has changed then.
func (f *Function) Reserve(n int) error {
	if n < f.provisioned {
		return ErrBelowProvisioned
	}
	if err := f.account.claim(n - f.claimed()); err != nil {
		return err
	}
	if f.reserved == unreserved {
		f.account.busy -= f.busy
	}
	f.reserved = n
	f.resize()
	return nil
}

// Unreserve gives the reservation back.
func (f *Function) Unreserve() {
	if f.reserved == unreserved {
		return
	}
	// Giving back never fails.
	_ = f.account.claim(f.provisioned - f.reserved)
	f.account.busy += f.busy
	f.reserved = unreserved
}

// claimed is what the function takes out of the shared limit.
func (f *Function) claimed() int { return max(f.reserved, f.provisioned) }

func (f *Function) resize() {
	f.rate.resize((f.reserved-f.provisioned)*f.account.limits.RequestsPerEnv, f.account.now)
}

// provision changes the sum of provisioned concurrency by delta.
func (f *Function) provision(delta int) error {
	if f.reserved != unreserved {
		if delta > 0 && f.provisioned+delta > f.reserved {
			return ErrAboveReserved
		}
		f.provisioned += delta
		f.resize()
		return nil
	}
	if err := f.account.claim(delta); err != nil {
		return err
	}
	f.provisioned += delta
	return nil
}

// admit says whether one more request may run on demand, and if not, how long
// after now it is worth to try again (0 = not known).
func (f *Function) admit(now time.Duration) (Throttle, time.Duration) {
	a := f.account
	if f.reserved != unreserved {
		if f.busy >= f.reserved-f.provisioned {
			return ReservedConcurrency, 0
		}
		if w := f.rate.wait(now); w > 0 {
			return ReservedRate, w
		}
		return NotThrottled, 0
	}
	if a.limits.Concurrency > 0 && a.busy >= a.Unreserved() {
		return AccountConcurrency, 0
	}
	if w := a.rate.wait(now); w > 0 {
		return AccountRate, w
	}
	return NotThrottled, 0
}

func (f *Function) begin(now time.Duration) {
	f.busy++
	if f.reserved != unreserved {
		f.rate.take(now)
		return
	}
	f.account.busy++
	f.account.rate.take(now)
}

func (f *Function) end() {
	f.busy--
	if f.reserved == unreserved {
		f.account.busy--
	}
}
