// Package sandbox runs one execution environment of a function as one real
// process group, limited as Lambda limits it: memory, share of a CPU, number
// of processes.
//
// The life of an environment:
//
//  1. New looks at the machine once: which cgroup controllers (version 1 or 2)
//     it may write, and what it therefore can and cannot enforce. Host.Limits
//     says it in one line and Host.Warnings names each limit that is missing.
//  2. Host.Start makes a cgroup, starts the command inside it and returns an
//     Env. The process is in its cgroup before its first instruction: on
//     cgroup v2 it is born there (CLONE_INTO_CGROUP), on v1 the starting
//     thread steps into the group, forks, and steps out again. There is no
//     shim process in between, so a start costs little more than fork and
//     exec.
//  3. SetCPU, Freeze, Thaw and PeakMemoryMB act on the living environment.
//  4. The environment ends when its first process ends or when Kill is called.
//     Whatever the process has left behind in its group is killed, reaped and
//     waited for; then the cgroup is removed and Done is closed.
//  5. Host.Close kills every environment that is left. Nothing survives it.
//
// All processes are forked from one operating system thread that lives as long
// as the Host. They carry a parent-death signal that is tied to that thread,
// so a kill -9 of the program takes the functions with it, and they inherit
// no_new_privs from it. What a function has started itself is then killed, and
// the cgroups removed, by a guard: a shell that does nothing but wait for the
// end of this program. What even that leaves is cleared up by the next New.
//
// Measured in turn with plain fork and exec on two busy cores (BenchmarkStart,
// 200 starts, cgroup v1): 0.6 to 1.5 ms more at the median.
//
// On systems other than Linux, or where no cgroup is writable, the same API
// works on plain process groups: nothing is limited, freezing is SIGSTOP, and
// a process that leaves its group and its parent can escape. Warnings say so.
//
// It does not: unpack code, choose a command, build an environment's
// variables, or speak any protocol. It never signals a process that it did not
// start.
package sandbox
