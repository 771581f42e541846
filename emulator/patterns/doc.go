// Package patterns is the filter pattern syntax of CloudWatch Logs: what
// FilterLogEvents, metric filters, subscription filters and Live Tail choose log
// events by.
//
// A pattern is of one of four kinds, told by its first character:
//
//	ERROR "timed out" -Exiting     terms: all of them, without the excluded one
//	?ERROR ?WARN                   terms: any of them
//	%Billed\sDuration: [0-9]+%     a regular expression
//	{ $.level = "err*" && $.n > 5 }    conditions on a JSON event
//	[ip, ..., status = 4*, bytes]  conditions on the columns of an event
//
// Compile refuses what is not such a pattern with an *Error, whose text is the
// service's where it is known ("Invalid character(s) in term ':'").
//
// Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters,
// subscription filters, filter log events, and Live Tail" and the pages below it,
// read 2026-11-23. Where they are silent: a condition on a value that is missing,
// null, an object or a list is false, != too; text in a comparison by size is no
// match; at most two regular expressions and three wildcard selectors stand in
// one pattern, as the guide says for metric filters.
package patterns
