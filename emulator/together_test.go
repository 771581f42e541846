package emulator_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestTogether runs the tests that wait more than they work, for time-outs of
// seconds, at the same time. What is left is looked for when all have ended.
func TestTogether(t *testing.T) {
	provesNothingLeft(t, t.TempDir(), true)
	for name, test := range map[string]func(*testing.T){
		"RoundTrip":                                 testRoundTrip,
		"FaultsDisturbNoOther":                      testFaultsDisturbNoOther,
		"FaultsOfTheFunction":                       testFaultsOfTheFunction,
		"ResponseStreamThatFails":                   testResponseStreamThatFails,
		"OldLogStyleReadsBack":                      testOldLogStyleReadsBack,
		"AnswerCountsThoughTheProcessEndsAfterIt":   testAnswerCountsThoughTheProcessEndsAfterIt,
		"InitThatFailsOnceRunsAgainInTheInvocation": testInitThatFailsOnceRunsAgainInTheInvocation,
		"ShutdownAfterTimeout":                      testShutdownAfterTimeout,
		"EndlessShutdown":                           testEndlessShutdown,
		"InitFaults":                                testInitFaults,
		"ExtensionHoldsUpTheInit":                   testExtensionHoldsUpTheInit,
		"ExtensionThatNeverComesBack":               testExtensionThatNeverComesBack,
		"SIGTERMOfAGoFunction":                      testSIGTERMOfAGoFunction,
		"SnapStartFaults":                           testSnapStartFaults,
		"LiveTail":                                  testLiveTail,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// together says that others run beside t.
func together(t *testing.T) bool { return strings.HasPrefix(t.Name(), "TestTogether/") }

// provesNothingLeft compares goroutines at the end of a test with those at its
// begin and, where the sandbox is the emulator's own, processes, control groups,
// mounts below dir and open files.
func provesNothingLeft(t *testing.T, dir string, ownSandbox bool) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	if !ownSandbox {
		return
	}
	traced := traces(t, dir)
	t.Cleanup(func() {
		left := ""
		defer func() {
			if left != "" {
				t.Logf("left:\n%s", left)
			}
		}()
		eventually(t, "the end of what it started", func() bool {
			left = leftovers(t, dir, traced)
			return left == ""
		})
	})
}
