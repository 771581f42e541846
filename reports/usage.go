package reports

import (
	"fmt"

	"coldbench/cost"
	"coldbench/record"
)

// usageCollector sums what the platform billed, warm-up included, because it
// is charged as well.
type usageCollector struct {
	usage    cost.Usage
	headroom Headroom
	unpriced int64 // REPORTs without billed duration or memory size
	unseen   int64 // the client gave up, so the request id is not known
}

func (u *usageCollector) add(p *record.Plan, j *record.Joined) {
	if j.Platform == nil {
		if p.ExpectReports && j.Outcome == record.TimedOut && j.RequestID == "" {
			u.unseen++
		}
		return
	}
	var f record.Function
	if j.Function >= 0 && j.Function < len(p.Functions) {
		f = p.Functions[j.Function]
	}
	u.addFigures(j.Platform.BilledDurationMs, j.Platform.MemorySizeMB, j.Platform.MaxMemoryUsedMB, &f)
}

// addFigures counts one REPORT. The function fills in what the line lacks.
func (u *usageCollector) addFigures(billed, memory, used record.Opt[float64], f *record.Function) {
	size := memory.Value
	if !memory.Valid {
		size = float64(f.MemoryMB)
	}
	u.usage.Invocations++
	if !billed.Valid || size <= 0 {
		u.unpriced++
	} else if gbs := cost.GBSeconds(billed.Value, size); f.Arch == "arm64" {
		u.usage.GBSecondsArm += gbs
	} else {
		u.usage.GBSecondsX86 += gbs
	}
	if used.Valid && size > 0 {
		h := Headroom{MaxUsedMB: used.Value, SizeMB: size}
		if u.headroom.SizeMB == 0 || h.Free() < u.headroom.Free() {
			u.headroom = h
		}
	}
}

// defaultRegion prices runs that name no region, such as those on the built-in
// Lambda.
const defaultRegion = "us-east-1"

// bill prices the usage. Where nothing was billed it is nil.
func (u *usageCollector) bill(region string) (*cost.Bill, []record.Warning) {
	if u.usage.Invocations == 0 {
		return nil, nil
	}
	if region == "" {
		region = defaultRegion
	}
	tariff, err := cost.For(region)
	if err != nil {
		return nil, []record.Warning{{
			Code: "no_tariff", Text: fmt.Sprintf("no bill: %v", err),
			Remedy: "give --region one of the regions of the price table",
		}}
	}
	b := tariff.Bill(u.usage)
	var warnings []record.Warning
	if u.unpriced > 0 {
		warnings = append(warnings, record.Warning{
			Code: "unpriced", Text: fmt.Sprintf("%s no billed duration or memory size; the bill holds their request charge only", plural(u.unpriced, "REPORT has", "REPORTs have")),
		})
	}
	if u.unseen > 0 {
		warnings = append(warnings, record.Warning{
			Code:   "bill_incomplete",
			Text:   fmt.Sprintf("the bill is a lower bound: the client gave up on %s before a request id came, and the function may have run on", plural(u.unseen, "request", "requests")),
			Remedy: "raise --timeout above the function's own time-out",
		})
	}
	for _, err := range b.Errors {
		warnings = append(warnings, record.Warning{Code: "bill_incomplete", Text: fmt.Sprintf("the bill is a lower bound: %v", err)})
	}
	return &b, warnings
}

// head returns the head-room, or nil where no REPORT told of memory.
func (u *usageCollector) head() *Headroom {
	if u.headroom.SizeMB == 0 {
		return nil
	}
	h := u.headroom
	return &h
}
