package fleet

import "time"

// The heap of expiries is lazy: an environment has at most one place in it, and
// its key is a lower bound of its deadline. An environment that is used again
// and again keeps its old key; only when that key comes up is the true deadline
// looked at. A busy environment costs the heap nothing.

// NextExpiry is an instant before which no environment ends by itself; ok is
// false where none is scheduled. The environment that it belongs to may have
// been used since, in which case Expire at that instant finds nothing.
func (p *Pool) NextExpiry() (at time.Duration, ok bool) {
	if len(p.ends) > 0 {
		return p.ends[0].At, true
	}
	if len(p.heap) == 0 {
		return 0, false
	}
	return p.envs[p.heap[0]].key, true
}

// Expire appends to list the environments that have ended by themselves up to
// now and were not reported before, and frees their slots.
func (p *Pool) Expire(now time.Duration, list []Expiry) []Expiry {
	p.reap(p.fn.account.tick(now))
	for _, x := range p.ends {
		p.end(int32(x.Env))
	}
	list = append(list, p.ends...)
	p.ends = p.ends[:0]
	return list
}

// reap ends the idle environments whose deadline has come.
func (p *Pool) reap(now time.Duration) {
	for len(p.heap) > 0 {
		i := p.heap[0]
		e := &p.envs[i]
		switch {
		case e.key > now:
			return
		case e.state != idle:
			p.unschedule(i)
		case e.deadline > now:
			e.key = e.deadline
			p.down(0)
		default:
			p.idleOf(e).remove(p.config.Placement, p.envs, i)
			p.expire(i, e.deadline)
		}
	}
}

// expire marks an environment that is in no idle set as ended. Its slot is
// kept until Expire reports it, so that a driver never sees a number twice.
func (p *Pool) expire(i int32, at time.Duration) {
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
		e.marks |= leaving
	}
	e.state = ended
	p.ends = append(p.ends, Expiry{Env: Env(i), At: at})
}

// schedule puts an environment into the heap, or leaves it where it is when its
// key there is early enough.
func (p *Pool) schedule(i int32) {
	e := &p.envs[i]
	if e.at == none {
		e.key, e.at = e.deadline, int32(len(p.heap))
		p.heap = append(p.heap, i)
		p.up(e.at)
		return
	}
	if e.deadline < e.key {
		e.key = e.deadline
		p.up(e.at)
	}
}

func (p *Pool) unschedule(i int32) {
	at := p.envs[i].at
	if at == none {
		return
	}
	last := int32(len(p.heap) - 1)
	p.put(at, p.heap[last])
	p.heap = p.heap[:last]
	p.envs[i].at = none
	if at < last {
		p.down(at)
		p.up(at)
	}
}

func (p *Pool) put(at, i int32) {
	p.heap[at] = i
	p.envs[i].at = at
}

func (p *Pool) up(at int32) {
	i := p.heap[at]
	for at > 0 {
		parent := (at - 1) / 2
		if p.envs[p.heap[parent]].key <= p.envs[i].key {
			break
		}
		p.put(at, p.heap[parent])
		at = parent
	}
	p.put(at, i)
}

func (p *Pool) down(at int32) {
	i, n := p.heap[at], int32(len(p.heap))
	for {
		child := 2*at + 1
		if child >= n {
			break
		}
		if child+1 < n && p.envs[p.heap[child+1]].key < p.envs[p.heap[child]].key {
			child++
		}
		if p.envs[i].key <= p.envs[p.heap[child]].key {
			break
		}
		p.put(at, p.heap[child])
		at = child
	}
	p.put(at, i)
}
