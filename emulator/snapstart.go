package emulator

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"coldbench/emulator/telemetry"
	"coldbench/fleet"
)

// SnapStart. AWS keeps a snapshot of the memory of an initialised environment;
// there is none here. Publishing a version runs its init once, as AWS does to take
// the snapshot, and each environment of the version runs the init again in the
// place of the restore, so that everything around it (lines, hooks, states,
// errors, billing) is AWS's and Restore Duration is that of an init.
// Sources: AWS Lambda developer guide, "Improving startup performance with Lambda
// SnapStart", "Runtime hooks", "Monitoring for SnapStart"; Telemetry API schema.

const (
	snapStart    = "snap-start" // AWS_LAMBDA_INITIALIZATION_TYPE
	phaseRestore = "restore"
	noSlot       = fleet.NoEnv // of the environment that a snapshot is taken of
)

// restoreMode is what a runtime's GET restore/next comes to.
type restoreMode uint8

const (
	noRestore     restoreMode = iota // refused
	takesImage                       // parked for good: the snapshot is taken there
	comesRestored                    // answered: the hooks run
)

// snapshot is the init that publishing a version runs. A nil one is ready.
type snapshot struct {
	done    chan struct{}
	begun   bool     // guarded by Server.mu
	failure *failure // valid once done is closed
	cut     bool     // likewise: the server stopped before the init had ended
}

func newSnapshot() *snapshot { return &snapshot{done: make(chan struct{})} }

func (s *snapshot) ready() bool {
	if s == nil {
		return true
	}
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// failed is why there is no snapshot; nil where there is one, or none is needed.
func (s *snapshot) failed() *failure {
	if s == nil || !s.ready() {
		return nil
	}
	return s.failure
}

// snapStarts says whether the version's environments come from a snapshot.
func (v *version) snapStarts() bool {
	return v.config.SnapStart == "PublishedVersions" && v.number != latestVersion
}

// startKind is how a new environment that is not provisioned starts.
func (v *version) startKind() string {
	if v.snapStarts() {
		return snapStart
	}
	return onDemand
}

// takeSnapshot runs the init of a version that is being published, or whose init
// the last server did not end. Until it has ended the version is Pending. The lock
// is held.
func (s *Server) takeSnapshot(v *version) {
	v.created, v.snapshot = true, newSnapshot()
	v.snapshot.begun = true
	if s.closing {
		v.snapshot.cut = true
		close(v.snapshot.done)
		return
	}
	e := s.newEnvironment(v, noSlot, snapStart)
	e.begun = true
	v.retain()
	s.loose[e] = struct{}{}
	s.work.Go(func() {
		if v.code.image != nil {
			<-v.code.image.pulled
		}
		e.logInitStart(phaseInit)
		_, f := e.initialise(v.longLimit(), v.config.cpuShare())
		e.end()
		s.snapshotTaken(v, e, f)
	})
}

// snapshotTaken ends takeSnapshot, and saves that it has.
func (s *Server) snapshotTaken(v *version, e *environment, f *failure) {
	s.mu.Lock()
	delete(s.loose, e)
	v.snapshot.failure, v.snapshot.cut = f, s.closing
	close(v.snapshot.done)
	s.mu.Unlock()
	if v.snapshot.cut || s.data == nil {
		return
	}
	name := v.function.name
	defer s.data.lockChange(shelfFunctions + "/" + name).done()
	if err := s.saveFunction(name); err != nil {
		s.set.Logger.Warn("save what became of a version's init, which will run again after a restart", "function", name, "version", v.number, "error", err)
	}
}

// storedSnapshot is the end of the init that publishing a version runs; a version
// without one is Pending when it is restored, and has its init run again.
type storedSnapshot struct {
	Status    string `json:"status"` // "success", or the failure's
	ErrorType string `json:"error_type,omitempty"`
}

// storeSnapshot gives nil where the init has not ended, or none is needed.
func (v *version) storeSnapshot() *storedSnapshot {
	s := v.snapshot
	switch {
	case !v.snapStarts() || s == nil || !s.ready() || s.cut:
		return nil
	case s.failure != nil:
		return &storedSnapshot{s.failure.status, s.failure.errorType}
	}
	return &storedSnapshot{Status: "success"}
}

// reviveSnapshot is storeSnapshot's way back. The init of a LocalFunction waits for
// its command. The lock is held.
func (s *Server) reviveSnapshot(v *version, d *storedSnapshot) {
	switch {
	case !v.snapStarts():
	case d != nil:
		v.snapshot = newSnapshot()
		if d.Status != "success" {
			v.snapshot.failure = &failure{status: d.Status, errorType: d.ErrorType}
		}
		close(v.snapshot.done)
	case v.config.Local && v.config.Command == nil:
		v.created, v.snapshot = true, newSnapshot()
	default:
		s.takeSnapshot(v)
	}
}

// takeMissing runs the init of the versions of a LocalFunction that have waited for
// its command; where there will be none, that fails. The lock is held.
func (s *Server) takeMissing(fn *function) {
	for _, v := range fn.published {
		if !v.snapshot.ready() && !v.snapshot.begun {
			s.takeSnapshot(v)
		}
	}
}

// longLimit bounds inits that no on-demand request waits for.
func (v *version) longLimit() time.Duration { return max(130*time.Second, v.config.Timeout) }

// restored is a restore, for the REPORT of the first invocation.
type restored struct {
	took    time.Duration
	hooks   time.Duration // of it, from the answer to restore/next on
	failure *apiError
}

// billedMs is the Billed Restore Duration: AWS bills what the runtime needs to
// load and to run its hooks, so here the hooks; at least 1 ms.
func (r *restored) billedMs() int64 {
	return max(1, int64(math.Ceil(float64(r.hooks)/float64(time.Millisecond))))
}

// restore starts an environment as if from a snapshot.
func (e *environment) restore() {
	v := e.version
	e.logInitStart(phaseRestore)
	d, f := e.initialise(v.longLimit(), v.config.cpuShare())
	e.fromSnapshot = &restored{took: d}
	if !e.hooksFrom.IsZero() {
		e.fromSnapshot.hooks = time.Since(e.hooksFrom)
	}
	switch {
	case f == nil:
	case f.fault != nil:
		e.fromSnapshot.failure = f.fault
	case f.status == statusTimeout:
		e.fromSnapshot.failure = snapStartError(http.StatusRequestTimeout, "SnapStartTimeoutException", "Lambda couldn't restore the snapshot within the timeout limit.")
	default:
		e.fromSnapshot.failure = snapStartError(http.StatusBadRequest, "SnapStartException", "The runtime hook or the restore ended with an error: "+f.errorType)
	}
}

// snapStartError is one of the errors of the service's model, with its texts.
func snapStartError(status int, kind, text string) *apiError {
	return &apiError{Status: status, Kind: kind, Text: text, User: true, Capital: true}
}

// takeRestore gives the restore that the first invocation's REPORT shows, nil
// for every other.
func (e *environment) takeRestore() (r *restored) {
	r, e.fromSnapshot = e.fromSnapshot, nil
	return r
}

// notReady refuses the invocation of a version without its snapshot.
func (v *version) notReady() *apiError {
	if !v.snapshot.ready() {
		return snapStartError(http.StatusConflict, "SnapStartNotReadyException", "Lambda is initializing your function. You can invoke the function when the function state becomes Active.")
	}
	if v.snapshot.failed() != nil {
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: Failed")
	}
	return nil
}

// describeSnapStart shows what has become of the snapshot.
func (d *functionConfiguration) describeSnapStart(v *version) {
	if !v.snapStarts() {
		return
	}
	f := v.snapshot.failed()
	if f == nil {
		d.SnapStart.OptimizationStatus = "On"
		return
	}
	d.State, d.LastUpdateStatus, d.StateReasonCode = "Failed", "", "FunctionError.RuntimeInitError"
	if f.status == statusTimeout {
		d.StateReasonCode = "FunctionError.InitTimeoutError"
	}
	d.StateReason = "SnapStart: the init of version " + v.number + " failed: " + f.status + " " + f.errorType
}

// restoreMode of the process that is about to start.
func (e *environment) restoreMode() restoreMode {
	switch {
	case e.kind != snapStart:
		return noRestore
	case e.phase == phaseRestore:
		return comesRestored
	case e.slot == noSlot:
		return takesImage
	}
	return noRestore // an init again, after a crash
}

// serveRestore answers the calls of runtime hooks.
func (s *session) serveRestore(w http.ResponseWriter, r *http.Request, call string) {
	switch {
	case call == "restore/error" && r.Method == http.MethodPost:
		s.initFailed(w, r, stateRestoring)
	case call != "restore/next" || r.Method != http.MethodGet:
		http.NotFound(w, r)
	case s.restore == comesRestored:
		if err := s.enter(stateRestoring, stateStarted); err != nil {
			err.write(w)
			return
		}
		s.events <- event{kind: eventRestoring, at: time.Now()}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	case s.restore == takesImage:
		if err := s.enter(stateRestoreReady, stateStarted); err != nil {
			err.write(w)
			return
		}
		s.events <- event{kind: eventReady, at: time.Now()}
		select {
		case <-r.Context().Done():
		case <-s.ended:
			containerError().write(w)
		}
	default:
		(&runtimeError{http.StatusForbidden, "InvalidStateTransition", "The environment is not restored from a snapshot."}).write(w)
	}
}

type (
	restoreStartRecord struct {
		RuntimeVersion    string `json:"runtimeVersion,omitempty"`
		RuntimeVersionArn string `json:"runtimeVersionArn,omitempty"`
		FunctionName      string `json:"functionName"`
		FunctionVersion   string `json:"functionVersion"`
		InstanceID        string `json:"instanceId"`
		InstanceMaxMemory int64  `json:"instanceMaxMemory"`
	}
	restoreDoneRecord struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType,omitempty"`
	}
	restoreReportRecord struct {
		Status    string         `json:"status"`
		ErrorType string         `json:"errorType,omitempty"`
		Metrics   durationMetric `json:"metrics"`
	}
)

// logRestoreStart and the like are logInitStart and the like of a restore.
func (e *environment) logRestoreStart(r initStartRecord) {
	text := fmt.Sprintf("RESTORE_START Runtime Version: %s\tRuntime Version ARN: %s\n", r.RuntimeVersion, r.RuntimeVersionArn)
	record := restoreStartRecord{r.RuntimeVersion, r.RuntimeVersionArn, r.FunctionName, r.FunctionVersion, r.InstanceID, r.InstanceMaxMemory}
	e.tell("INFO", "restoreStart", text, record, telemetry.TelemetryAPI)
}

func (e *environment) logRestoreDone(f *failure) {
	status, errorType, level := f.words("DEBUG")
	e.tell(level, "restoreRuntimeDone", "", restoreDoneRecord{status, errorType}, telemetry.TelemetryAPI)
}

func (e *environment) logRestoreReport(d time.Duration, f *failure) {
	status, errorType, level := f.words("INFO")
	text := fmt.Sprintf("RESTORE_REPORT Restore Duration: %.2f ms", milliseconds(d))
	if f != nil {
		text += "\tStatus: " + status
		if errorType != "" {
			text += "\tError Type: " + errorType
		}
	}
	e.tell(level, "restoreReport", text+"\n", restoreReportRecord{status, errorType, durationMetric{millis(d)}}, telemetry.TelemetryAPI)
}
