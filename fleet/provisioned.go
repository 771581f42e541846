package fleet

import "time"

// Provision sets the provisioned concurrency of the pool to n and appends to
// list the environments that must be started for it; the driver calls Ready for
// each once its init has ended, or Drop when it failed. Environments too many
// end: idle ones now (Expire reports them), busy ones with their request. The
// error is ErrAboveReserved or an *UnreservedError; nothing has changed then.
func (p *Pool) Provision(n int, now time.Duration, list []Env) ([]Env, error) {
	now = p.fn.account.tick(now)
	if err := p.fn.provision(n - p.target); err != nil {
		return list, err
	}
	p.target = n
	p.shed(p.aheadTotal-n, now)
	for p.aheadTotal < n {
		list = append(list, p.startAhead(now))
	}
	p.rate.resize(p.ready*p.fn.account.limits.RequestsPerEnv, now)
	return list, nil
}

// Replace starts one provisioned environment in the place of one that was
// dropped; ok is false when the pool has as many as it should.
func (p *Pool) Replace(now time.Duration) (env Env, ok bool) {
	if p.retired || p.aheadTotal >= p.target {
		return NoEnv, false
	}
	return p.startAhead(p.fn.account.tick(now)), true
}

// Ready says that an environment that was started ahead of any request, whether
// provisioned or on demand, has ended its init and may serve. It reports false,
// and the environment has ended, where it is no longer wanted.
func (p *Pool) Ready(env Env, now time.Duration) bool {
	now = p.fn.account.tick(now)
	switch e := &p.envs[env]; {
	case e.state != starting:
		return false
	case !e.ahead:
		p.early--
		p.rest(int32(env), now)
		return true
	}
	p.ready++
	p.rest(int32(env), now)
	p.rate.resize(p.ready*p.fn.account.limits.RequestsPerEnv, now)
	return true
}

// Allocated are the provisioned environments that exist, Available those of
// them that have ended their init.
func (p *Pool) Allocated() int { return p.aheadTotal }

// Available counts the provisioned environments that have ended their init.
func (p *Pool) Available() int { return p.ready }

func (p *Pool) startAhead(now time.Duration) Env {
	i := p.slot(now)
	p.envs[i].state, p.envs[i].ahead = starting, true
	p.aheadTotal++
	return Env(i)
}

// shed lets n provisioned environments go, those that are not busy first.
func (p *Pool) shed(n int, now time.Duration) {
	for _, want := range [...]state{starting, idle, busy} {
		for i := 0; i < len(p.envs) && n > 0; i++ {
			e := &p.envs[i]
			if !e.ahead || e.is(leaving) || e.state != want {
				continue
			}
			n--
			switch want {
			case busy:
				e.marks |= leaving
				p.aheadTotal--
				p.ready--
				continue
			case idle:
				p.ahead.remove(p.config.Placement, p.envs, int32(i))
			}
			p.expire(int32(i), now)
		}
	}
}
