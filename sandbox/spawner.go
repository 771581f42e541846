package sandbox

import "runtime"

// A spawner is one operating system thread from which all processes of a Host
// are forked. It is its own thread for three reasons: the parent-death signal
// of a child fires when the thread that forked it ends, not when the program
// does; no_new_privs is a property of a thread and is inherited; and on cgroup
// v1 a child is born in the groups of the thread that forks it.
type spawner struct {
	jobs chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan func()), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	// Never unlocked: the thread has been changed, so the Go runtime must
	// destroy it when this goroutine ends rather than use it for others.
	runtime.LockOSThread()
	prepareThread()
	for job := range s.jobs {
		job()
	}
}

// do runs job on the thread and returns when it has run.
func (s *spawner) do(job func()) {
	ran := make(chan struct{})
	s.jobs <- func() {
		defer close(ran)
		job()
	}
	<-ran
}

// close ends the thread. No do may be running or follow.
func (s *spawner) close() {
	close(s.jobs)
	<-s.done
}
