package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkJSON refuses an event that is no JSON, in the words of the service,
// which are those of its JSON library (recorded November 2025).
func checkJSON(payload []byte) *apiError {
	if json.Valid(payload) && utf8.Valid(payload) {
		return nil
	}
	at, what := jsonFault(payload)
	line := 1 + bytes.Count(payload[:at], []byte("\n"))
	column := at - bytes.LastIndexByte(payload[:at], '\n')
	if strings.HasPrefix(what, invalidByte) {
		column++ // that library points behind such a byte
	}
	return badContent("Could not parse request body into json: Could not parse payload into json: %s\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]", what, line, column)
}

const invalidByte = "Invalid UTF-8 start byte"

const expectedValue = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

// jsonFault says where a payload stops to be JSON, and why.
func jsonFault(payload []byte) (at int, what string) {
	if at, within := badByte(payload); at >= 0 && within {
		return at, fmt.Sprintf(invalidByte+" 0x%x", payload[at])
	} else if at >= 0 {
		return at, unexpected(rune(payload[at]))
	}
	var syntax *json.SyntaxError
	var v any
	if err := json.Unmarshal(payload, &v); !errors.As(err, &syntax) || syntax.Offset == 0 {
		return 0, "Unexpected content: " + expectedValue
	}
	at = min(int(syntax.Offset-1), len(payload)-1)
	if int(syntax.Offset) >= len(payload) && bytes.ContainsAny(payload[at:], "{[,:\"") {
		return at, "Unexpected end-of-input"
	}
	c, _ := utf8.DecodeRune(payload[at:])
	return at, unexpected(c)
}

func unexpected(c rune) string {
	if unicode.IsControl(c) {
		return fmt.Sprintf("Unexpected character ((CTRL-CHAR, code %d)): %s", c, expectedValue)
	}
	return fmt.Sprintf("Unexpected character ('%c' (code %d)): %s", c, c, expectedValue)
}

// badByte finds the first byte that is no UTF-8, -1 for none, and whether it is
// within a string or a word such as null.
func badByte(payload []byte) (at int, within bool) {
	inString, inWord, escaped := false, false, false
	for i := 0; i < len(payload); {
		r, n := utf8.DecodeRune(payload[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return i, inString || inWord
		case escaped:
			escaped = false
		case r == '\\':
			escaped = inString
		case r == '"':
			inString = !inString
		}
		inWord = unicode.IsLetter(r)
		i += n
	}
	return -1, false
}
