package emulator

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Pages and their tokens in the Logs API.

// limit reads the number of items asked for.
func (q *logsRequest) limit(usual, most int) (int, *logsError) {
	switch {
	case q.Limit == nil:
		return usual, nil
	case *q.Limit > most:
		return 0, logsInvalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *q.Limit, most)
	case *q.Limit < 1:
		return 0, logsInvalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *q.Limit)
	}
	return *q.Limit, nil
}

// A token names an event's number and carries a checksum, so that a made-up one
// is refused as the service refuses it.
func token(kind string, group string, n int64) string {
	body := fmt.Sprintf("%s/%056d", kind, n)
	return fmt.Sprintf("%s/%08x", body, crc32.ChecksumIEEE([]byte(body+group)))
}

func readToken(t, group string) (kind string, n int64, err *logsError) {
	part := strings.Split(t, "/")
	if len(part) != 3 {
		return "", 0, badToken
	}
	n, bad := strconv.ParseInt(part[1], 10, 64)
	if bad != nil || token(part[0], group, n) != t {
		return "", 0, badToken
	}
	return part[0], n, nil
}

// cut takes one page out of a sorted list. The token is the number of items
// that are behind.
func cut[T any](list []T, nextToken, scope string, limit int) (page []T, next string, err *logsError) {
	start := int64(0)
	if nextToken != "" {
		if _, start, err = readToken(nextToken, scope); err != nil {
			return nil, "", err
		}
	}
	start = min(start, int64(len(list)))
	end := min(start+int64(limit), int64(len(list)))
	if end < int64(len(list)) {
		next = token("p", scope, end)
	}
	return list[start:end], next, nil
}
