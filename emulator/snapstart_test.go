package emulator_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/emulator/runtimes"
	"coldbench/parsers"
	"coldbench/record"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// publishSnapStart installs fn with an init, publishes version 1 with SnapStart,
// and waits until it is no longer Pending.
func (b *bed) publishSnapStart(init string, format types.LogFormat) *lambda.GetFunctionConfigurationOutput {
	t, ctx, fn := b.t, context.Background(), aws.String("fn")
	t.Helper()
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": init}})
	must[*lambda.UpdateFunctionConfigurationOutput](t)(b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: fn, LoggingConfig: &types.LoggingConfig{LogFormat: format},
	}))
	b.publishPending()
	var c *lambda.GetFunctionConfigurationOutput
	eventually(t, "end of Pending", func() bool {
		c = b.version1()
		return c.State != types.StatePending
	})
	return c
}

// publishPending publishes version 1 of fn with SnapStart.
func (b *bed) publishPending() {
	t, ctx, fn := b.t, context.Background(), aws.String("fn")
	t.Helper()
	must[*lambda.UpdateFunctionConfigurationOutput](t)(b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: fn, SnapStart: &types.SnapStart{ApplyOn: types.SnapStartApplyOnPublishedVersions},
	}))
	must[*lambda.PublishVersionOutput](t)(b.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: fn}))
}

func (b *bed) version1() *lambda.GetFunctionConfigurationOutput {
	b.t.Helper()
	return must[*lambda.GetFunctionConfigurationOutput](b.t)(b.lambda.GetFunctionConfiguration(context.Background(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("fn"), Qualifier: aws.String("1")}))
}

func (b *bed) invokeVersion(qualifier string) (*lambda.InvokeOutput, error) {
	return b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn"), Qualifier: &qualifier, Payload: []byte(`{}`), LogType: types.LogTypeTail})
}

// TestSnapStart: the init runs once at publish, with INIT_REPORT; an environment
// of the version is restored, with hooks, and $LATEST is not.
func TestSnapStart(t *testing.T) {
	b := newBed(t, emulator.Options{})
	c := b.publishSnapStart("hooks:30ms", types.LogFormatText)
	if c.State != types.StateActive || c.SnapStart.OptimizationStatus != types.SnapStartOptimizationStatusOn {
		t.Errorf("state %s, optimization %s", c.State, c.SnapStart.OptimizationStatus)
	}
	const version = ` Runtime Version: provided:al2023\.emulated-local` + "\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n"
	mustMatch(t, "INIT_START"+version+`INIT_REPORT Init Duration: \d+\.\d\d ms`+"\n", strings.Join(b.events(), ""))

	must[*lambda.InvokeOutput](t)(b.invokeVersion("1"))
	must[*lambda.InvokeOutput](t)(b.invokeVersion("1"))
	restored := `Restore Duration: (\d+\.\d\d) ms` + "\tBilled Restore Duration: \\d+ ms\t\n"
	mustMatch(t, "RESTORE_START"+version+`RESTORE_REPORT Restore Duration: \d+\.\d\d ms`+"\n"+
		"START [^\n]*Version: 1\nEND [^\n]*\n"+reportForm+restored+"START [^\n]*\nEND [^\n]*\n"+reportForm+"\n",
		strings.Join(b.events()[2:], ""))

	var starts []string
	for p, err := range (&parsers.Pairing{}).Platforms(b.records()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind != record.KindReport {
			continue
		}
		starts = append(starts, string(p.Start))
		// ceil(Duration + Billed Restore Duration); the hooks sleep 30 ms.
		if billed := p.BilledRestoreDurationMs.Value; p.RestoreDurationMs.Valid && (billed < 30 || p.BilledDurationMs.Value < p.DurationMs.Value+billed) {
			t.Errorf("billed %v for %v and %v", p.BilledDurationMs.Value, p.DurationMs.Value, billed)
		}
	}
	if got := strings.Join(starts, " "); got != "restored warm" {
		t.Errorf("starts read back: %s", got)
	}
}

func TestSnapStartOfLatestIsNone(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "hooks:refused"}})
	must[*lambda.UpdateFunctionConfigurationOutput](t)(b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), SnapStart: &types.SnapStart{ApplyOn: types.SnapStartApplyOnPublishedVersions},
	}))
	a := b.invoke(order{Do: "notes"})
	if !strings.Contains(a.log, "Init Duration") || !strings.Contains(a.payload, "403") {
		t.Errorf("got %+v", a)
	}
}

// testSnapStartFaults: hooks that hang or fail are errors of the invocation, and
// an init that fails at publish leaves the version Failed.
func testSnapStartFaults(t *testing.T) {
	for _, c := range []struct {
		init, kind string
		status     int
		line       string
	}{
		{"hooks:hang", "SnapStartTimeoutException", 408, "\tStatus: timeout\n"},
		{"hooks:error", "SnapStartException", 400, "\tStatus: error\tError Type: Runtime.HookError\n"},
		{"error", "ResourceConflictException", 409, "Status: error\tError Type: Runtime.ImportModuleError\n"},
	} {
		t.Run(c.init, func(t *testing.T) {
			b := newBed(t, emulator.Options{InitLimit: 700 * time.Millisecond})
			version := b.publishSnapStart(c.init, types.LogFormatText)
			if failed := c.init == "error"; (version.State == types.StateFailed) != failed {
				t.Errorf("state %s: %s", version.State, aws.ToString(version.StateReason))
			}
			_, err := b.invokeVersion("1")
			var api smithy.APIError
			var reply interface{ HTTPStatusCode() int }
			if !errors.As(err, &api) || !errors.As(err, &reply) || api.ErrorCode() != c.kind || reply.HTTPStatusCode() != c.status {
				t.Errorf("got %v, want %d %s", err, c.status, c.kind)
			}
			if log := strings.Join(b.events(), ""); !strings.HasSuffix(log, c.line) {
				t.Errorf("log %q, want it to end %q", log, c.line)
			}
		})
	}
}

// TestSnapStartSurvivesARestart: a version that had become Active or Failed is that
// again, without an init; one that was Pending when the server ended is Pending
// again until its init has run.
func TestSnapStartSurvivesARestart(t *testing.T) {
	gate, asked := make(chan struct{}), make(chan struct{}, 9)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}))
	defer web.Close()
	o := emulator.Options{DataDir: t.TempDir()}
	for _, c := range []struct {
		init  string
		state types.State
	}{{"sleep:1ms", types.StateActive}, {"error", types.StateFailed}} {
		b := newBed(t, o)
		before := b.publishSnapStart(c.init, types.LogFormatText)
		b = b.restart(o)
		b.install(emulator.LocalFunction{})
		after := b.version1()
		if before.State != c.state || after.State != c.state || aws.ToString(after.StateReason) != aws.ToString(before.StateReason) {
			t.Errorf("%s: %s %q, after the restart %s %q", c.init, before.State, aws.ToString(before.StateReason), after.State, aws.ToString(after.StateReason))
		}
		must[*lambda.DeleteFunctionOutput](t)(b.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}))
		if err := b.server.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	b := newBed(t, o)
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "get:" + web.URL}})
	b.publishPending()
	<-asked
	b = b.restart(o)
	if v := b.version1(); v.State != types.StatePending {
		t.Errorf("without its command: %s", v.State)
	}
	b.install(emulator.LocalFunction{})
	<-asked
	if v := b.version1(); v.State != types.StatePending {
		t.Errorf("during its second init: %s", v.State)
	}
	close(gate)
	eventually(t, "Active", func() bool { return b.version1().State == types.StateActive })
}

func TestSnapStartInJSON(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.publishSnapStart("hooks:1ms", types.LogFormatJson)
	must[*lambda.InvokeOutput](t)(b.invokeVersion("1"))
	log := strings.Join(b.events(), "")
	for _, want := range []string{
		`"type":"platform.initReport","record":{"initializationType":"snap-start","phase":"init","status":"success"`,
		`"type":"platform.restoreStart","record":{"runtimeVersion":`, `"type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":`,
		`"restoreDurationMs":`, `"billedRestoreDurationMs":`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
}

// TestPythonSnapStart: the hooks of a Python function run around its snapshot.
func TestPythonSnapStart(t *testing.T) {
	if _, err := runtimes.Lookup("python3.12"); err != nil {
		t.Skip(err)
	}
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	if _, err := b.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String(testRole), Runtime: types.RuntimePython312, Handler: aws.String("app.handler"),
		MemorySize: aws.Int32(1769), Timeout: aws.Int32(60), Publish: true, SnapStart: &types.SnapStart{ApplyOn: types.SnapStartApplyOnPublishedVersions},
		Code: &types.FunctionCode{ZipFile: zipOf(t, "app.py", `
from snapshot_restore_py import register_before_snapshot, register_after_restore
said = []
register_before_snapshot(lambda: print("before the snapshot") or said.append("before"))
register_after_restore(lambda: print("after the restore") or said.append("after"))
def handler(event, context): return said
`, 0o644)},
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end of Pending", func() bool { return b.version1().State == types.StateActive })
	out, err := b.invokeVersion("1")
	if err != nil || string(out.Payload) != `["before", "after"]` {
		t.Fatalf("%+v, %v", out, err)
	}
	if log := strings.Join(b.events(), "\n"); strings.Count(log, "before the snapshot") != 2 || strings.Count(log, "after the restore") != 1 || !strings.Contains(log, "RESTORE_REPORT") {
		t.Errorf("log\n%s", log)
	}
}
