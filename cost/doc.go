// Package cost turns usage into a bill, from a dated price table that is part
// of the program. It is pure: no clock, no network, no price look-up.
//
//  1. [For] gives the [Tariff] of a region, out of prices.json, whose every
//     price carries its source and date (see PROVENANCE.md).
//  2. [GBSeconds] turns billed milliseconds and memory into the unit that
//     Lambda charges; the caller sums them up in a [Usage].
//  3. [Tariff.Bill] gives a [Bill]: one [Line] for each price that applied, with
//     quantity, unit, price, source and date, so that every cent can be walked
//     back to where its price was read.
//
// A price that the table does not have is an [UnknownPriceError] in the bill's
// Errors, and its line is missing. It is never taken as 0, and no other
// region's price stands in for it.
//
// Tiers count by month and account. A bill takes its usage as the only one of
// its month, so that it starts in the first, dearest tier. The free tier is not
// applied unless [Tariff.WithFreeTier] asks for it: a run that costs nothing
// only because the account did nothing else is no basis for a decision. No
// savings plan, tax, credit or support plan is applied.
//
// Prices are those of AWS Lambda on demand. The table holds those of
// neighbouring services too, for later use; this package does not read them.
package cost
