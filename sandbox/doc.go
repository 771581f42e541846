// Package sandbox runs execution environments of functions as real processes,
// limited as Lambda limits them (memory, share of a CPU, number of processes)
// and, where the machine lets it, in namespaces and a file system of their own.
//
// The life of an environment:
//
//  1. New looks at the machine once: which cgroup controllers (version 1 or 2)
//     it may write, and whether it may make namespaces. Host.Limits says it in
//     one line, Host.Warnings names each thing that is missing.
//  2. Host.Start makes a cgroup and a copy of a prepared mount namespace (view),
//     in which Spec.Mounts are put at their places. There it forks a first
//     process, which is 200 bytes of machine code (init_linux.go), and beside it
//     Spec.Before and Spec.Command, which see each other and nothing else. Each
//     is in the cgroup before its first instruction: on cgroup v2 it is born
//     there (CLONE_INTO_CGROUP), on v1 the starting thread steps into the group,
//     forks, and steps out again. No helper program is executed in between.
//  3. SetCPU, Freeze, Thaw, Spawn, Terminate and PeakMemoryMB act on the living
//     environment. Exited and Child.Done tell the end of each process.
//  4. The environment ends when its last process that was started by name has
//     ended, or when Kill is called. What these have left behind is killed and
//     waited for; the mounts go with the last process, the cgroup is removed,
//     and Done is closed.
//  5. Host.Close kills every environment that is left. Nothing survives it.
//
// What a process sees with namespaces (Host.Private): this machine's tree or
// that of an image, read-only; a /tmp of its own, which has a size; a /dev with null, zero, full,
// random, urandom and tty, but without shm, which Lambda doesn't have either; a
// /proc with the environment's processes; the network of this machine, for the
// Runtime API is on 127.0.0.1. It is root if this program is: the sandbox keeps
// functions apart, it is no wall against hostile ones.
//
// All processes are forked from one operating system thread that lives as long
// as the Host. A parent-death signal tied to that thread ends the first process
// of each environment, and with it the whole of its PID namespace, on a kill -9
// of the program; no_new_privs is inherited from it. The cgroups are then
// removed by a guard: a shell that does nothing but wait for the end of this
// program. What even that leaves is cleared up by the next New.
//
// With Options.Runtime environments are containers of an OCI runtime (oci_linux.go):
// the same cgroup and the same view, made by runc.
//
// Measured in turn with plain fork and exec of the same program: BenchmarkStart.
//
// Without namespaces the same API works in those of this program, and Mounts are
// ignored. Without cgroups nothing is limited and freezing is SIGSTOP. Without
// either, on systems other than Linux for one, these are plain process groups,
// and a process that leaves its group and its parent can escape. Warnings say
// so.
//
// It does not: unpack code, choose a command, build an environment's
// variables, or speak any protocol. It never signals a process that it did not
// start.
package sandbox
