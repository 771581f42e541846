package fleet

import "time"

// What Lambda does around a cold start besides starting one environment:
// it initialises others ahead (PoolConfig.Ahead), and it gives a request that
// waits for an init to an environment that falls idle first (PoolConfig.Borrow).

// Ahead appends to list the on-demand environments that are to be started ahead
// of any request now, in the zone of the latest cold start. It is called after
// an Arrive that was Cold; the driver calls Ready for each once its init has
// ended, or Drop when it failed. They count against the scaling rate of the
// function; what that refuses is not made up for.
func (p *Pool) Ahead(now time.Duration, list []Env) []Env {
	if p.credit < 1 || p.retired {
		return list
	}
	now = p.fn.account.tick(now)
	for ; p.credit >= 1; p.credit-- {
		if p.fn.scale.wait(now) > 0 {
			continue
		}
		p.fn.scale.take(now)
		i := p.slot(now)
		e := &p.envs[i]
		e.state, e.zone, e.marks = starting, p.credited, fresh
		p.early++
		list = append(list, Env(i))
	}
	return list
}

// Initialised says that the environment of a Cold decision has ended its init:
// its request runs there from now on and is not reassigned. It reports false
// where the request was reassigned before. Without Borrow it need not be called.
func (p *Pool) Initialised(env Env) bool {
	e := &p.envs[env]
	if !e.is(waiting) {
		return e.state == busy
	}
	p.settled(e, env)
	return true
}

// settled takes an environment off the list of those that can lose their
// request.
func (p *Pool) settled(e *slot, env Env) {
	if e.is(waiting) {
		e.marks &^= waiting
		p.waiting.remove(LRU, p.envs, int32(env))
	}
}

// Reassign moves the request that has waited longest for an init to an idle
// environment of its zone; ok is false where there is none of either. The driver
// calls it after Done and Ready until it is false, and runs the request in to.
// The environment that it came from goes on with its init, with no request: the
// driver calls Ready for it, or Drop.
func (p *Pool) Reassign(now time.Duration) (from, to Env, ok bool) {
	if p.waiting.n == 0 {
		return NoEnv, NoEnv, false
	}
	p.reap(p.fn.account.tick(now))
	for i := p.waiting.head; i != none; i = p.envs[i].next {
		e := &p.envs[i]
		idle := p.inZone(e.zone)
		if idle.n == 0 {
			continue
		}
		p.settled(e, Env(i))
		e.state = starting
		e.marks |= fresh
		p.early++
		j, _ := idle.take(p.config.Placement, p.envs, &p.random)
		p.envs[j].state = busy
		p.envs[j].marks &^= fresh
		return Env(i), Env(j), true
	}
	return NoEnv, NoEnv, false
}
