package reports

import (
	"math"
	"time"
)

// The fine grid behind the timeline: classes of a hundredth of a decade from
// 1 µs to 1000 s in height, at most gridColumns columns in width. It is much
// finer than the 3 pixel cells that are drawn, so one grid serves every width.
const (
	gridColumns = 2048
	gridClasses = 900
	classesPer  = 100 // classes in a decade
	lowestMs    = 0.001
)

// classOf is the class of a value in milliseconds.
func classOf(ms float64) int {
	if !(ms > lowestMs) {
		return 0
	}
	return min(int(math.Log10(ms/lowestMs)*classesPer), gridClasses-1)
}

// classLow is the lowest value of class i, in milliseconds.
func classLow(i int) float64 { return lowestMs * math.Pow(10, float64(i)/classesPer) }

// grid counts marks by time and value. Its columns double their width when a
// mark falls to the right of the last, so that memory stays below 4 MB
// however long the run is. The zero value is ready for use.
type grid struct {
	width   time.Duration // of a column
	columns [gridColumns]*[gridClasses]uint16
	last    int
}

func (g *grid) add(at time.Duration, ms float64) {
	if g.width == 0 {
		g.width = time.Microsecond
	}
	at = max(at, 0)
	for at/g.width >= gridColumns {
		g.double()
	}
	i := int(at / g.width)
	g.last = max(g.last, i)
	if g.columns[i] == nil {
		g.columns[i] = new([gridClasses]uint16)
	}
	cell := &g.columns[i][classOf(ms)]
	if *cell < math.MaxUint16 {
		*cell++
	}
}

// double merges each pair of columns. A cell holds at most 65 535; the
// strongest of the five shades starts at nine.
func (g *grid) double() {
	for i := 0; i < gridColumns/2; i++ {
		a, b := g.columns[2*i], g.columns[2*i+1]
		if a == nil {
			a, b = b, nil
		}
		if b != nil {
			for k, n := range b {
				a[k] = uint16(min(uint32(a[k])+uint32(n), math.MaxUint16))
			}
		}
		g.columns[i] = a
	}
	clear(g.columns[gridColumns/2:])
	g.last /= 2
	g.width *= 2
}

// each calls f with the centre of every cell that is not empty.
func (g *grid) each(f func(at time.Duration, ms float64, n int)) {
	for i := 0; i <= g.last; i++ {
		col := g.columns[i]
		if col == nil {
			continue
		}
		at := time.Duration(i)*g.width + g.width/2
		for k, n := range col {
			if n > 0 {
				f(at, math.Sqrt(classLow(k)*classLow(k+1)), int(n))
			}
		}
	}
}
