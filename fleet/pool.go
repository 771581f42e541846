package fleet

import (
	"fmt"
	"time"
)

// DefaultMaxAge is how long an environment lives however busy it is. AWS says
// "every few hours"; about two hours have been observed (Xebia).
const DefaultMaxAge = 2 * time.Hour

// Env is one execution environment: a slot of its Pool. The number is used again
// only after Expire has reported its end, or Done or Drop has ended it.
type Env int32

// NoEnv is the Env of a throttled request.
const NoEnv Env = -1

// Kind says how a request is served. The zero value means that it is not.
type Kind uint8

// The kinds of decision.
const (
	Throttled   Kind = iota
	Cold             // a new environment must start first
	Warm             // an idle environment that has served before serves it
	Provisioned      // an environment of provisioned concurrency serves it
	Proactive        // an idle environment serves it that has had its init and no request yet
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"throttled", "cold", "warm", "provisioned", "proactive"}[k]
}

// Decision is the answer to one arrival.
type Decision struct {
	Kind     Kind
	Env      Env // NoEnv when throttled
	Throttle Throttle
	// RetryAfter is when the limit lets the next request through, counted from
	// the arrival; 0 where that is not known.
	RetryAfter time.Duration
}

// Expiry is the end of one environment.
type Expiry struct {
	Env Env
	At  time.Duration
}

// PoolConfig has the policies of a pool. The zero value has the defaults, but
// for MaxAge, where 0 means that age does not matter.
type PoolConfig struct {
	Placement Placement
	KeepAlive KeepAlive
	MaxAge    time.Duration
	Seed      uint64

	// Zones is the number of availability zones; 0 and 1 are one. In this model
	// each request arrives in a zone that is drawn with equal chances, and is
	// served by an environment of that zone, a new one where none is idle, so
	// that more zones need more environments. How AWS spreads requests is not
	// documented. Provisioned environments serve all zones.
	Zones int
	// Ahead is the share of new on-demand environments that are started ahead of
	// any request: for each cold start Ahead/(1-Ahead) more (see Pool.Ahead).
	// AWS documents that there is such proactive initialisation and not how much;
	// 0.5 to 0.85 have been observed (A. Stuyvenberg, 2023). 0 = none, at most
	// MaxAhead.
	Ahead float64
	// Borrow gives a request that waits for an init to an environment that falls
	// idle meanwhile (see Pool.Reassign). AWS documents it for environments that
	// were initialised ahead; that it holds for others is assumed.
	Borrow bool
}

// MaxAhead bounds PoolConfig.Ahead: nine environments ahead for each cold start.
const MaxAhead = 0.9

// MaxZones bounds PoolConfig.Zones.
const MaxZones = 16

type state uint8

const (
	unused   state = iota
	starting       // ahead of any request, not ready
	idle
	busy
	ended // waits for Expire to report it
)

const none int32 = -1

// slot is one environment. It has no pointer, so a pool of a million costs the
// garbage collector nothing.
type slot struct {
	born       time.Duration
	deadline   time.Duration // while idle: when it is dropped
	key        time.Duration // its key in the heap of expiries, never later than deadline
	at         int32         // position in that heap, or none
	prev, next int32         // links of the idle set, or of the list of unused slots
	state      state
	zone       uint8
	ahead      bool // provisioned
	marks      marks
}

// marks are what else is true of an environment.
type marks uint8

const (
	leaving marks = 1 << iota // ends when its request does
	fresh                     // on demand, started ahead, no request yet
	waiting                   // busy with a request that waits for its init
)

func (e *slot) is(m marks) bool { return e.marks&m != 0 }

// Pool holds the environments of one version of a function.
type Pool struct {
	fn      *Function
	config  PoolConfig
	envs    []slot
	unused  int32
	idle    idleSet   // on demand, of the first zone
	zones   []idleSet // on demand, of the other zones
	ahead   idleSet   // provisioned
	waiting idleSet   // those whose request waits for their init, oldest first
	heap    []int32
	ends    []Expiry // not yet reported
	random  random
	retired bool

	target     int // provisioned concurrency asked for
	ready      int // provisioned environments past their init
	aheadTotal int // provisioned environments that are not leaving
	aheadBusy  int
	busy       int
	early      int     // on demand, starting ahead
	credit     float64 // environments that Ahead has still to give
	credited   uint8   // zone of the cold start that gave the last credit
	rate       rate    // of the provisioned environments
}

// Pool adds a version to the function.
func (f *Function) Pool(c PoolConfig) *Pool {
	p := &Pool{
		fn: f, config: c, unused: none,
		idle: newIdleSet(), ahead: newIdleSet(), waiting: newIdleSet(),
		random: random{state: c.Seed},
	}
	for range min(c.Zones, MaxZones) - 1 {
		p.zones = append(p.zones, newIdleSet())
	}
	return p
}

// Arrive decides about a request that arrives at now.
func (p *Pool) Arrive(now time.Duration) Decision {
	now = p.fn.account.tick(now)
	p.reap(now)
	if p.ahead.n > 0 && p.rate.wait(now) == 0 {
		i, _ := p.ahead.take(p.config.Placement, p.envs, &p.random)
		p.rate.take(now)
		p.aheadBusy++
		p.envs[i].state = busy
		return Decision{Kind: Provisioned, Env: Env(i)}
	}
	if t, wait := p.fn.admit(now); t != NotThrottled {
		return Decision{Env: NoEnv, Throttle: t, RetryAfter: wait}
	}
	zone, set := uint8(0), &p.idle
	if p.zones != nil {
		zone = uint8(p.random.below(uint64(len(p.zones) + 1)))
		set = p.inZone(zone)
	}
	kind := Warm
	i, ok := set.take(p.config.Placement, p.envs, &p.random)
	if !ok {
		if wait := p.fn.scale.wait(now); wait > 0 {
			return Decision{Env: NoEnv, Throttle: ScalingRate, RetryAfter: wait}
		}
		p.fn.scale.take(now)
		i, kind = p.cold(zone, now), Cold
	} else if e := &p.envs[i]; e.is(fresh) {
		e.marks, kind = e.marks&^fresh, Proactive
	}
	p.fn.begin(now)
	p.busy++
	p.envs[i].state = busy
	return Decision{Kind: kind, Env: Env(i)}
}

// cold makes the environment of a cold start.
func (p *Pool) cold(zone uint8, now time.Duration) int32 {
	i := p.slot(now)
	e := &p.envs[i]
	e.zone = zone
	if p.config.Borrow {
		e.marks |= waiting
		p.waiting.add(LRU, p.envs, i)
	}
	if p.config.Ahead > 0 {
		share := min(p.config.Ahead, MaxAhead)
		p.credit += share / (1 - share)
		p.credited = e.zone
	}
	return i
}

// Done ends the request that env serves. It reports whether the environment
// stays; where it does not (too old, or its pool was retired), the slot is free
// at once and Expire does not report it. It panics if env serves no request.
func (p *Pool) Done(env Env, now time.Duration) (kept bool) {
	now = p.fn.account.tick(now)
	e := p.at(env, busy)
	p.settled(e, env)
	p.release(e)
	old := !e.ahead && p.config.MaxAge > 0 && now-e.born >= p.config.MaxAge
	if p.retired || e.is(leaving) || old {
		p.end(int32(env))
		return false
	}
	p.rest(int32(env), now)
	return true
}

// Drop ends an environment whatever it does: its init failed, or it was killed.
// The slot is free at once and Expire does not report it.
func (p *Pool) Drop(env Env, now time.Duration) {
	p.fn.account.tick(now)
	e := &p.envs[env]
	switch e.state {
	case busy:
		p.settled(e, env)
		p.release(e)
	case idle:
		p.idleOf(e).remove(p.config.Placement, p.envs, int32(env))
	case starting:
	default:
		panic(fmt.Sprintf("fleet: Drop of environment %d, which does not exist", env))
	}
	p.end(int32(env))
}

// Retire ends the pool, as an update of the function does: idle environments are
// dropped now (Expire reports them), busy ones when their request ends. An
// arrival after that starts an environment for one request.
func (p *Pool) Retire(now time.Duration) {
	now = p.fn.account.tick(now)
	p.retired = true
	// Giving back never fails.
	_ = p.fn.provision(-p.target)
	p.target = 0
	for i := range p.envs {
		e := &p.envs[i]
		switch e.state {
		case idle:
			p.idleOf(e).remove(p.config.Placement, p.envs, int32(i))
			p.expire(int32(i), now)
		case starting:
			p.expire(int32(i), now)
		}
	}
}

// Idle counts the environments that wait for a request, the provisioned ones
// included.
func (p *Pool) Idle() int {
	n := p.ahead.n + p.idle.n
	for i := range p.zones {
		n += p.zones[i].n
	}
	return n
}

// Busy counts the environments that serve a request.
func (p *Pool) Busy() int { return p.busy + p.aheadBusy }

// Size counts the environments that exist, those that start ahead included.
func (p *Pool) Size() int { return p.Idle() + p.Busy() + p.aheadTotal - p.ready + p.early }

func (p *Pool) at(env Env, want state) *slot {
	if int(env) >= len(p.envs) || env < 0 || p.envs[env].state != want {
		panic(fmt.Sprintf("fleet: environment %d is not in the state that this call ends", env))
	}
	return &p.envs[env]
}

func (p *Pool) idleOf(e *slot) *idleSet {
	if e.ahead {
		return &p.ahead
	}
	return p.inZone(e.zone)
}

// inZone gives the idle on-demand environments of a zone.
func (p *Pool) inZone(zone uint8) *idleSet {
	if zone == 0 {
		return &p.idle
	}
	return &p.zones[zone-1]
}

// slot takes an unused slot or makes one.
func (p *Pool) slot(now time.Duration) int32 {
	i := p.unused
	if i == none {
		i = int32(len(p.envs))
		p.envs = append(p.envs, slot{})
	} else {
		p.unused = p.envs[i].next
	}
	p.envs[i] = slot{born: now, at: none, prev: none, next: none}
	return i
}

// release takes a request off an environment's account.
func (p *Pool) release(e *slot) {
	if e.ahead {
		p.aheadBusy--
		return
	}
	p.busy--
	p.fn.end()
}

// rest makes an environment idle.
func (p *Pool) rest(i int32, now time.Duration) {
	e := &p.envs[i]
	e.state = idle
	p.idleOf(e).add(p.config.Placement, p.envs, i)
	if e.ahead {
		return
	}
	e.deadline = now + p.config.KeepAlive.draw(&p.random)
	if p.config.MaxAge > 0 {
		e.deadline = min(e.deadline, e.born+p.config.MaxAge)
	}
	p.schedule(i)
}

// end frees a slot that is in no idle set.
func (p *Pool) end(i int32) {
	e := &p.envs[i]
	p.unschedule(i)
	if !e.ahead && e.state == starting {
		p.early--
	}
	if e.ahead && !e.is(leaving) {
		p.aheadTotal--
		if e.state != starting {
			p.ready--
		}
	}
	*e = slot{state: unused, at: none, next: p.unused}
	p.unused = i
}
