package emulator

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
)

// initReport is an INIT_REPORT line. AWS prints one for an init that failed, and
// for every init ahead of requests (provisioned concurrency).
// Source: AWS Lambda developer guide, "Understanding the Lambda execution
// environment lifecycle", and lines found in public logs.
type initReport struct {
	Duration  time.Duration
	Phase     string // "init" or "invoke"; "" leaves phase and status out
	Status    string // "timeout" or "error"
	ErrorType string
}

func (r initReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "INIT_REPORT Init Duration: %.2f ms", milliseconds(r.Duration))
	if r.Phase != "" {
		fmt.Fprintf(&b, "\tPhase: %s\tStatus: %s", r.Phase, r.Status)
	}
	if r.ErrorType != "" {
		fmt.Fprintf(&b, "\tError Type: %s", r.ErrorType)
	}
	b.WriteString("\n")
	return b.String()
}

// report is a REPORT line.
type report struct {
	RequestID string
	Duration  time.Duration
	Init      time.Duration // 0 where the REPORT has no Init Duration
	Restore   *restored     // nil where it has no Restore Duration
	MemoryMB  int
	PeakMB    int
	Status    string // "timeout", "error" or ""
	ErrorType string
	Message   string // the platform's own of a failure, which only the old style prints
}

// String is the line as AWS prints it: members separated by tabs, with one more
// at the end, durations with two decimals.
func (r report) String() string {
	b := make([]byte, 0, 256)
	b = fmt.Appendf(b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.RequestID, milliseconds(r.Duration), r.billed(), r.MemoryMB, min(r.PeakMB, r.MemoryMB))
	if r.Init > 0 {
		b = fmt.Appendf(b, "Init Duration: %.2f ms\t", milliseconds(r.Init))
	}
	if r.Restore != nil {
		b = fmt.Appendf(b, "Restore Duration: %.2f ms\tBilled Restore Duration: %d ms\t", milliseconds(r.Restore.took), r.Restore.billedMs())
	}
	if r.Status != "" {
		b = fmt.Appendf(b, "Status: %s", r.Status)
		if r.ErrorType != "" {
			b = fmt.Appendf(b, "\tError Type: %s", r.ErrorType)
		}
	}
	return string(append(b, '\n'))
}

// The styles of the text log.
const (
	styleNew = "new"
	styleOld = "old"
)

// old splits a REPORT into the lines of the old style: one without a status, and
// behind it what became of the invocation. Source: AWS Lambda developer guide,
// "Understanding the Lambda execution environment lifecycle" (Regions of China
// and GovCloud), and lines found in public logs.
func (r report) old(at time.Time) (line, behind string) {
	status, errorType := r.Status, r.ErrorType
	r.Status, r.ErrorType = "", ""
	switch {
	case status == statusTimeout:
		behind = at.UTC().Format("2006-01-02T15:04:05.000Z") + " " + r.RequestID + " " + r.Message + "\n\n"
	case status == statusError && r.Message != "":
		if errorType == errorOOM {
			errorType = errorExit // the old style knew no other
		}
		behind = "RequestId: " + r.RequestID + " Error: " + r.Message + "\n" + errorType + "\n"
	}
	return r.String(), behind
}

// billed is ceil(Duration + Init Duration) in milliseconds, for every package
// type since 2025-08-01 (AWS Compute Blog, "AWS Lambda standardizes billing for
// INIT Phase"). It is taken of the sum as printed, to a hundredth of a
// millisecond: 3000.00 + 402.04 is billed as 3403.
func (r report) billed() int64 {
	hundredths := math.Round(milliseconds(r.Duration)*100) + math.Round(milliseconds(r.Init)*100)
	if r.Restore != nil { // 149.53 ms and 163 ms billed of the restore are 313 ms (a public log of 2025-05)
		hundredths += 100 * float64(r.Restore.billedMs())
	}
	return int64(math.Ceil(hundredths / 100))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func initStartLine(runtime, runtimeARN string) string {
	return "INIT_START Runtime Version: " + runtime + "\tRuntime Version ARN: " + runtimeARN + "\n"
}

func startLine(id, version string) string {
	return "START RequestId: " + id + " Version: " + version + "\n"
}

func endLine(id string) string { return "END RequestId: " + id + "\n" }

var knownErrorType = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// scrubErrorType reduces the error type that a runtime gave to what the
// platform's lines may say.
func scrubErrorType(s string) string {
	switch {
	case knownErrorType.MatchString(s):
		return s
	case strings.HasPrefix(s, "Function."):
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

// The error types that the platform itself gives.
const (
	errorExit          = "Runtime.ExitError"
	errorOOM           = "Runtime.OutOfMemory"
	errorTimeout       = "Sandbox.Timedout"
	errorTooLarge      = "Function.ResponseSizeTooLarge"
	errorEntry         = "Runtime.InvalidEntrypoint"
	errorSandbox       = "Sandbox.Failure"
	errorLaunch        = "Extension.LaunchError"
	errorCrash         = "Extension.Crash"
	errorExtensionInit = "Extension.InitError"
	errorExtensionExit = "Extension.ExitError"
	errorMode          = "Runtime.InvalidResponseModeHeader"
	statusTimeout      = "timeout"
	statusError        = "error"
	phaseInit          = "init"
	phaseInvoke        = "invoke"
	onDemand           = "on-demand" // AWS_LAMBDA_INITIALIZATION_TYPE
	maxRequest         = 6291456     // synchronous request, bytes
	maxResponse        = 6291556     // synchronous response, bytes
	maxEvent           = 1 << 20     // asynchronous request, bytes (1 MB since October 2025)
	tailBytes          = 4096        // of X-Amz-Log-Result before base64
	cpuPerVCPU         = 1769.0      // MB of memory that come with one vCPU
	initCPUShare       = 1.0         // an on-demand init has a full vCPU whatever the memory
	unknownPeakMB      = 1
	latestVersion      = "$LATEST"
	handledFailure     = "Unhandled"
)
