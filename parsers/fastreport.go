package parsers

import "coldbench/record"

// fastReport parses a REPORT line in the order and with the separators that
// AWS prints for a successful invocation, from behind "REPORT RequestId: ". It
// does nothing that the general way does not do too, only without looking for
// labels; a test compares the two. It reports false, and leaves v in any
// state, where the line differs in anything.
func fastReport(b []byte, v *View) bool {
	if len(b) < uuidLength+64 || !plainUUID(b) {
		return false
	}
	id, b := b[:uuidLength], b[uuidLength:]
	if !has(b, "\tDuration: ") {
		return false
	}
	b = b[len("\tDuration: "):]
	duration, n, ok := decimal(b)
	if b = b[n:]; !ok || !has(b, " ms\tBilled ") || !has(b[11:], "Duration: ") {
		return false
	}
	b = b[len(" ms\tBilled Duration: "):]
	billed, n, ok := decimal(b)
	if b = b[n:]; !ok || !has(b, " ms\tMemory ") || !has(b[11:], "Size: ") {
		return false
	}
	b = b[len(" ms\tMemory Size: "):]
	memory, n, ok := decimal(b)
	if b = b[n:]; !ok || !has(b, " MB\tMax Mem") || !has(b[11:], "ory Used: ") {
		return false
	}
	b = b[len(" MB\tMax Memory Used: "):]
	used, n, ok := decimal(b)
	if b = b[n:]; !ok || !has(b, " MB") {
		return false
	}
	b = b[len(" MB"):]
	if has(b, "\tInit Duration: ") {
		init, n, ok := decimal(b[len("\tInit Duration: "):])
		if b = b[len("\tInit Duration: ")+n:]; !ok || !has(b, " ms") {
			return false
		}
		b = b[len(" ms"):]
		v.InitDurationMs.Value, v.InitDurationMs.Valid = init, true
	}
	for _, c := range b {
		if c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	v.Kind, v.RequestID = record.KindReport, id
	v.DurationMs.Value, v.DurationMs.Valid = duration, true
	v.BilledDurationMs.Value, v.BilledDurationMs.Valid = billed, true
	v.MemorySizeMB.Value, v.MemorySizeMB.Valid = memory, true
	v.MaxMemoryUsedMB.Value, v.MaxMemoryUsedMB.Valid = used, true
	return true
}

// plainUUID says whether b begins with 36 bytes of a request id and a tab.
func plainUUID(b []byte) bool {
	if b[8] != '-' || b[uuidLength] != '\t' || !idByte[b[0]] || b[0] < '0' {
		return false
	}
	var others uint8
	for _, c := range (*[uuidLength]byte)(b) {
		others |= notIDByte[c]
	}
	return others == 0
}
