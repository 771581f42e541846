package logsource

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// Each check of a property here is a whole conversation with a server; 25 of
// them find what the 100 of rapid's default find, in a test run of minutes.
// -rapid.checks asks for more.
const defaultChecks = "25"

func TestMain(m *testing.M) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		if err := f.Value.Set(defaultChecks); err != nil {
			panic(err) // a flag of a library that has changed
		}
	}
	goleak.VerifyTestMain(m)
}
