package parsers

import "time"

// isoTime reads an ISO 8601 instant at the start of b: a date and a time,
// parted by "T" or a blank, an optional fraction after a dot or comma, and an
// optional zone (Z, +hh:mm or +hhmm). Without a zone the instant is in UTC, as
// the tools that print it so mean it. It returns the bytes read, 0 where b
// does not begin with an instant.
func isoTime(b []byte) (t time.Time, n int) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' || b[10] != 'T' && b[10] != ' ' {
		return t, 0
	}
	year := pair(b, 0)*100 + pair(b, 2)
	month, day := pair(b, 5), pair(b, 8)
	hour, minute, sec := pair(b, 11), pair(b, 14), pair(b, 17)
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 || sec > 59 {
		return t, 0
	}
	n = 19
	nanos, frac := fraction(b[n:])
	n += frac
	offset, zone := zoneOffset(b[n:])
	n += zone
	unix := ((daysSinceEpoch(year, month, day)*24+int64(hour))*60+int64(minute))*60 + int64(sec) - offset
	return time.Unix(unix, nanos).UTC(), n
}

// pair reads two digits at b[i:], or returns a number below any sum of valid
// parts.
func pair(b []byte, i int) int {
	hi, lo := b[i]-'0', b[i+1]-'0'
	if hi > 9 || lo > 9 {
		return -1000000
	}
	return int(hi)*10 + int(lo)
}

// fraction reads ".123" or ",123"; digits beyond nanoseconds are dropped.
func fraction(b []byte) (nanos int64, n int) {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || b[1]-'0' > 9 {
		return 0, 0
	}
	unit := int64(100_000_000)
	for n = 1; n < len(b) && b[n]-'0' <= 9; n++ {
		nanos += int64(b[n]-'0') * unit
		unit /= 10
	}
	return nanos, n
}

// zoneOffset reads a zone; seconds east of UTC.
func zoneOffset(b []byte) (seconds int64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case 'Z', 'z':
		return 0, 1
	case '+', '-':
		n = 6
		if len(b) >= 4 && b[3] != ':' {
			n = 5
		}
		if len(b) < n {
			return 0, 0
		}
		hour, minute := pair(b, 1), pair(b, n-2)
		if hour < 0 || minute < 0 || hour > 23 || minute > 59 {
			return 0, 0
		}
		seconds = int64(hour*3600 + minute*60)
		if b[0] == '-' {
			seconds = -seconds
		}
		return seconds, n
	}
	return 0, 0
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch counts days from 1970-01-01 in the proleptic Gregorian
// calendar. Years are counted from March, so that the leap day ends a year;
// 719468 days lie between 0000-03-01 and 1970-01-01.
func daysSinceEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := int64(year) / 400
	yoe := int64(year) - era*400
	doy := int64((153*(month-3)+2)/5 + day - 1)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}
