package cost

import (
	"fmt"
	"math"
)

// Tariff is the dated price table of one region. It is immutable and safe for
// concurrent use. Get one from [For].
type Tariff struct {
	region string
	prices lambdaPrices
	free   bool
}

// For gives the tariff of a region. The error for any other region lists those
// that are known.
func For(region string) (*Tariff, error) {
	t, err := table()
	if err != nil {
		return nil, err
	}
	p, ok := t.regions[region]
	if !ok {
		return nil, t.missing(region)
	}
	return &Tariff{region: region, prices: p}, nil
}

// Regions lists the regions that have a tariff, sorted.
func Regions() []string {
	t, err := table()
	if err != nil {
		return nil
	}
	return t.names()
}

// Region is the AWS region that the prices are of.
func (t *Tariff) Region() string { return t.region }

// String names the tariff by region and by the date of its duration price:
// "us-east-1 2026-10-04".
func (t *Tariff) String() string {
	date := t.prices.DurationX86.Date
	if !t.prices.DurationX86.known() {
		date = t.prices.DurationArm.Date
	}
	if date == "not stated" {
		date = "(date not stated)"
	}
	if t.free {
		date += " with free tier"
	}
	return t.region + " " + date
}

// WithFreeTier gives the same tariff with the account's monthly free requests
// and GB-seconds taken off. They are taken off x86_64 first, the dearer one.
func (t *Tariff) WithFreeTier() *Tariff {
	free := *t
	free.free = true
	return &free
}

// Usage is what is billed. Quantities are sums over all functions of a region.
type Usage struct {
	Invocations int64 // requests; an asynchronous retry counts again

	// From GBSeconds, by architecture: billed duration times memory.
	GBSecondsX86 float64
	GBSecondsArm float64

	// EphemeralGBSeconds is billed duration times the part of /tmp above 512 MB.
	EphemeralGBSeconds float64
}

// GBSeconds is what one invocation adds to the compute charge, from the Billed
// Duration and the Memory Size of its REPORT:
//
//	billed_ms / 1000 * memory_MB / 1024
//
// A GB is 1024 MB here (AWS Lambda pricing page: 512 MB for 3,000,000 s is
// 1,500,000 GB-s). Since 2025-08-01 the billed duration includes the init phase
// of every package type (AWS Compute Blog, 2025-04-29).
func GBSeconds(billedMs, memoryMB float64) float64 {
	return billedMs / 1000 * memoryMB / 1024
}

// EphemeralGBSeconds is what one invocation adds to the ephemeral storage
// charge: only the part of /tmp above 512 MB counts.
func EphemeralGBSeconds(billedMs, storageMB float64) float64 {
	return GBSeconds(billedMs, math.Max(0, storageMB-512))
}

// UnknownPriceError says that the price table does not have a price that a bill
// needs.
type UnknownPriceError struct {
	Region   string
	What     string
	Quantity float64
	Unit     string
}

func (e *UnknownPriceError) Error() string {
	return fmt.Sprintf("price of %s in %s: not known; %g %s are not in the bill", e.What, e.Region, e.Quantity, e.Unit)
}
