// Package insights is the query language of CloudWatch Logs Insights, as far as
// users of Lambda need it.
//
//  1. lex.go cuts the text into words, with the place of each.
//  2. query.go, parse.go, modes.go and stats.go read the commands (fields, display,
//     filter, stats, sort, limit, parse, dedup); expr.go, funcs.go, convert.go and
//     dates.go read expressions. Compile makes a Query of them, or a SyntaxError
//     with its place.
//  3. Query.Run takes log events through the commands, one after the other, as
//     rows (fields.go): first the newest event, unless the query sorts.
//  4. cell.go is one value: how it is compared, and how results print it.
//
// What it knows of log events: the fields that the service sets (@timestamp,
// @ingestionTime, @message, @logStream, @log, @ptr), those that it discovers in
// the lines of Lambda (@type, @requestId, @duration, @billedDuration,
// @initDuration, @memorySize, @maxMemoryUsed, @xrayTraceId, @xraySegmentId), and
// the members of a JSON message, by dotted path.
//
// Source: CloudWatch Logs user guide, "CloudWatch Logs Insights language query
// syntax" and the pages below it, read 2026-11-23. Regular expressions are Go's
// (RE2): without look-around and back-references.
//
// It does not know the commands pattern, diff, anomaly, unnest, expand, join,
// lookup, addtotals, relevantfields, autoregress, json, filterIndex, SOURCE and
// subqueries, nor the functions parseDate, formatDate, haversine, isPublicIP
// and isReservedIP: a query with one of them is refused as malformed, never run in
// part. It has no clock and no input or output of its own.
package insights
