package record

import (
	"errors"
	"fmt"
	"iter"
)

// DefaultMaxInMemory is the bound of JoinOptions that is used when none is
// given. A REPORT with its text takes about 1 kB.
const DefaultMaxInMemory = 100_000

// maxMissingIDs is the number of ids that JoinCounts lists.
const maxMissingIDs = 20

// JoinOptions bounds a Join and says what it has to find. The zero value uses
// the system's folder for temporary files and DefaultMaxInMemory, and does not
// expect REPORTs.
type JoinOptions struct {
	TempDir       string // where spill files go; "" is the system's folder
	MaxInMemory   int    // REPORTs held at once; 0 is DefaultMaxInMemory
	ExpectReports bool   // as Plan.ExpectReports
}

// Join puts rows and REPORTs together by request id. It reads all REPORTs
// first, then streams the rows. Beyond MaxInMemory REPORTs both sides are
// partitioned by a hash of the request id into temporary files, so that memory
// stays bounded; what then still grows is a hash for each environment.
//
// A Join is for one pass over the rows and not safe for concurrent use. Its
// files are gone when the pass ends or Close is called.
type Join struct {
	o       JoinOptions
	counts  JoinCounts
	streams map[uint64]struct{} // hashes of the log streams seen
	table   *reportTable        // nil once spilled
	spill   *spill              // nil while all fit in memory
	used    bool
}

// NewJoin reads all platform records; those that are no REPORTs are passed
// over. It returns the first error of the sequence, or of a spill file.
func NewJoin(platform iter.Seq2[Platform, error], o JoinOptions) (*Join, error) {
	if o.MaxInMemory <= 0 {
		o.MaxInMemory = DefaultMaxInMemory
	}
	j := &Join{o: o, streams: map[uint64]struct{}{}, table: newReportTable()}
	for p, err := range platform {
		if err != nil {
			return nil, errors.Join(fmt.Errorf("join: read platform records: %w", err), j.Close())
		}
		if err := j.add(&p); err != nil {
			return nil, errors.Join(fmt.Errorf("join: %w", err), j.Close())
		}
	}
	return j, nil
}

func (j *Join) add(p *Platform) error {
	if p.Kind != KindReport {
		return nil
	}
	if p.RequestID == "" {
		j.counts.Unclaimed++
		return nil
	}
	if j.spill != nil {
		return j.spill.reports.write(p.RequestID, p)
	}
	j.table.add(p)
	if j.table.kept <= j.o.MaxInMemory {
		return nil
	}
	var err error
	if j.spill, err = newSpill(j.o.TempDir); err != nil {
		return err
	}
	full := j.table
	j.table = nil
	j.counts.Unclaimed += full.dropped
	return full.each(func(p *Platform) error { return j.spill.reports.write(p.RequestID, p) })
}

// Rows yields every row of rows exactly once, with its REPORT where it has
// one: in the same order while all REPORTs fit in memory, in another one, that
// depends on the ids alone, when they were spilled. An error of rows or of a
// spill file is yielded and ends the iteration. It may be iterated once.
func (j *Join) Rows(rows iter.Seq2[Invocation, error]) iter.Seq2[Joined, error] {
	return func(yield func(Joined, error) bool) {
		err := j.run(rows, yield)
		if err2 := j.Close(); err == nil {
			err = err2
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Joined{}, fmt.Errorf("join: %w", err))
		}
	}
}

// errStopped means that the consumer of an iteration wants no more.
var errStopped = errors.New("iteration stopped")

func (j *Join) run(rows iter.Seq2[Invocation, error], yield func(Joined, error) bool) error {
	if j.used {
		return errors.New("the rows were joined before; a Join is for one pass")
	}
	j.used = true
	table := j.table
	if j.spill != nil {
		table = newReportTable() // for rows without an id, which have no partition
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if j.spill != nil && row.RequestID != "" {
			if err := j.spill.rows.write(row.RequestID, &row); err != nil {
				return err
			}
			continue
		}
		if !yield(j.match(&row, table), nil) {
			return errStopped
		}
	}
	j.counts.Unclaimed += table.left()
	if j.spill == nil {
		return nil
	}
	return j.partitions(j.spill.reports, j.spill.rows, yield)
}

// partitions joins each partition of the reports with that of the rows.
func (j *Join) partitions(reports, rows *partition, yield func(Joined, error) bool) error {
	if err := errors.Join(reports.flush(), rows.flush()); err != nil {
		return err
	}
	for i := range fanOut {
		if err := j.partition(reports, rows, i, yield); err != nil {
			return err
		}
		if err := errors.Join(reports.remove(i), rows.remove(i)); err != nil {
			return err
		}
	}
	return nil
}

func (j *Join) partition(reports, rows *partition, i int, yield func(Joined, error) bool) error {
	table := newReportTable()
	err := readPartition(reports, i, func(p Platform) error {
		table.add(&p)
		if table.kept > j.o.MaxInMemory && reports.level < maxLevel {
			return errTooMany
		}
		return nil
	})
	if errors.Is(err, errTooMany) {
		return j.divide(reports, rows, i, yield)
	}
	if err != nil {
		return err
	}
	err = readPartition(rows, i, func(row Invocation) error {
		if !yield(j.match(&row, table), nil) {
			return errStopped
		}
		return nil
	})
	j.counts.Unclaimed += table.left()
	return err
}

// errTooMany means that a partition does not fit in memory either.
var errTooMany = errors.New("partition too large")

// divide partitions one partition once more, by other bits of the hash.
func (j *Join) divide(reports, rows *partition, i int, yield func(Joined, error) bool) error {
	moreReports, moreRows := reports.finer(i), rows.finer(i)
	err := readPartition(reports, i, func(p Platform) error { return moreReports.write(p.RequestID, &p) })
	if err != nil {
		return err
	}
	err = readPartition(rows, i, func(r Invocation) error { return moreRows.write(r.RequestID, &r) })
	if err != nil {
		return err
	}
	return j.partitions(moreReports, moreRows, yield)
}

// match finds the REPORT of a row and counts.
func (j *Join) match(row *Invocation, table *reportTable) Joined {
	out := Joined{Invocation: *row, Start: StartUnknown, StartRule: RuleNoReport}
	expected := j.o.ExpectReports && row.RequestID != "" && servedByFunction(row.Outcome)
	if expected {
		j.counts.Expected++
	}
	if j.o.ExpectReports && row.RequestID == "" && (row.Outcome == OK || row.Outcome == FunctionError) {
		j.counts.NoRequestID++
	}
	p := table.claim(row.RequestID)
	if p == nil {
		if expected {
			j.missing(row.RequestID)
		}
		return out
	}
	j.counts.Matched++
	if p.LogStream != "" {
		j.streams[hashID(p.LogStream)] = struct{}{}
	} else {
		j.counts.NoStream++
	}
	var disagree bool
	out.Platform = p
	out.Start, out.StartRule, disagree = decideStart(p)
	if disagree {
		j.counts.Disagreeing++
	}
	return out
}

// servedByFunction says whether a function ran for the row, so that the
// platform has printed a REPORT.
func servedByFunction(o Outcome) bool { return o == OK || o == FunctionError || o == TimedOut }

func (j *Join) missing(id string) {
	j.counts.Missing++
	if len(j.counts.MissingIDs) < maxMissingIDs {
		j.counts.MissingIDs = append(j.counts.MissingIDs, id)
	}
}

// Counts says how rows and REPORTs met, once the iteration over Rows has come
// to its end.
func (j *Join) Counts() JoinCounts {
	c := j.counts
	c.Environments = len(j.streams)
	return c
}

// Close removes the temporary files. It is only needed where Rows is never
// iterated; twice is harmless.
func (j *Join) Close() error {
	if j.spill == nil {
		return nil
	}
	return j.spill.close()
}
