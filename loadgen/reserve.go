//go:build !race

package loadgen

// ReserveHeap is memory that is never touched and costs nothing but address
// space: as long as it is kept alive, the garbage collector waits until the heap
// has grown by n bytes more, instead of collecting 4 MB several times a second.
func ReserveHeap(n int) []byte { return make([]byte, n) }
