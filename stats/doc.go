// Package stats turns many values into few numbers that may be quoted: order
// statistics, exact confidence intervals for them, and the sample sizes that
// they need. It is pure: no clock, no files, no network, no random numbers.
//
// The way of a value through the package:
//
//  1. A [Dist] collects values of one unit ("ms", "MB"). Up to [ExactLimit]
//     values it keeps every one of them; beyond that it becomes an HdrHistogram
//     of three significant digits whose size never grows again.
//  2. Values that do not fit (negative, infinite, above [MaxValue]) are moved to
//     the nearest bound and counted; NaN is counted and left out. Nothing is
//     lost silently.
//  3. [Dist.At], [Dist.Summary] and [Dist.Curve] give quantiles. A quantile is a
//     number p in 0..1 and is the order statistic of rank ceil(n*p): the inverse
//     of the empirical distribution function, definition 1 of Hyndman and Fan,
//     "Sample quantiles in statistical packages", The American Statistician 50
//     (1996) 361-365. It is a value that occurred (beyond ExactLimit, the top
//     of its bucket), and its confidence bounds are order statistics too, so
//     that the three can never contradict each other.
//  4. Every [Quantile] has a two-sided 95 % interval between two order
//     statistics whose ranks come from the binomial distribution itself, not
//     from its normal approximation. Where the sample is too small for one of
//     the two ranks to exist, OK is false and Need says how many values it
//     takes: 6 for the median, 368 for the quantile 0.99 (see [MinN]).
//  5. A wait that was given up goes in by [Dist.AddCensored]: it counts in the
//     ranks, and a quantile that it reaches is said as a bound.
//  6. [Proportion] and [UpperBoundZero] do the same for a share, such as the
//     share of cold starts, or errors of which none was seen.
//
// Intervals assume that the values are independent draws of one distribution.
// Starts of one burst, or warm requests of one execution environment, are not
// independent: their intervals are too narrow, and the caller must say so.
//
// The package does not compare two samples, fit distributions, average
// quantiles of several runs or interpolate between values.
package stats
