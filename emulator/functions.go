package emulator

import (
	"time"
)

// functionConfiguration is the answer shape of the function operations, with
// the members in the order of the recorded answers.
type functionConfiguration struct {
	Architectures              []string             `json:"Architectures"`
	CodeSha256                 string               `json:"CodeSha256"`
	CodeSize                   int64                `json:"CodeSize"`
	Description                string               `json:"Description"`
	Environment                *environmentJSON     `json:"Environment,omitempty"`
	EphemeralStorage           *sizeJSON            `json:"EphemeralStorage,omitempty"`
	FunctionArn                string               `json:"FunctionArn"`
	FunctionName               string               `json:"FunctionName"`
	Handler                    string               `json:"Handler,omitempty"`
	ImageConfigResponse        *imageConfigResponse `json:"ImageConfigResponse,omitempty"`
	LastModified               string               `json:"LastModified"`
	LastUpdateStatus           string               `json:"LastUpdateStatus,omitempty"`
	LastUpdateStatusReason     string               `json:"LastUpdateStatusReason,omitempty"`
	LastUpdateStatusReasonCode string               `json:"LastUpdateStatusReasonCode,omitempty"`
	Layers                     []layerJSON          `json:"Layers,omitempty"`
	LoggingConfig              *loggingJSON         `json:"LoggingConfig,omitempty"`
	MemorySize                 int                  `json:"MemorySize"`
	PackageType                string               `json:"PackageType"`
	RevisionID                 string               `json:"RevisionId"`
	Role                       string               `json:"Role"`
	Runtime                    string               `json:"Runtime,omitempty"`
	RuntimeVersionConfig       *runtimeVersion      `json:"RuntimeVersionConfig,omitempty"`
	SnapStart                  *snapStartJSON       `json:"SnapStart,omitempty"`
	TenancyConfig              *tenancyJSON         `json:"TenancyConfig,omitempty"`
	State                      string               `json:"State,omitempty"`
	StateReason                string               `json:"StateReason,omitempty"`
	StateReasonCode            string               `json:"StateReasonCode,omitempty"`
	Timeout                    int                  `json:"Timeout"`
	TracingConfig              *tracingJSON         `json:"TracingConfig,omitempty"`
	Version                    string               `json:"Version"`
}

type (
	environmentJSON struct {
		Variables map[string]string `json:"Variables"`
	}
	sizeJSON struct {
		Size int `json:"Size"`
	}
	loggingJSON struct {
		ApplicationLogLevel string `json:"ApplicationLogLevel,omitempty"`
		LogFormat           string `json:"LogFormat,omitempty"`
		LogGroup            string `json:"LogGroup,omitempty"`
		SystemLogLevel      string `json:"SystemLogLevel,omitempty"`
	}
	runtimeVersion struct {
		RuntimeVersionArn string `json:"RuntimeVersionArn"`
	}
	snapStartJSON struct {
		ApplyOn            string `json:"ApplyOn"`
		OptimizationStatus string `json:"OptimizationStatus,omitempty"`
	}
	tracingJSON struct {
		Mode string `json:"Mode"`
	}
)

const (
	creating       = "Creating"
	creatingReason = "The function is being created."
	timeForm       = "2006-01-02T15:04:05.000+0000"
)

// describe is the configuration as GetFunction shows it now. The qualifier is
// the one that the request named, "" for none.
func (s *Server) describe(v *version, qualifier string) functionConfiguration {
	c := &v.config
	d := functionConfiguration{
		Architectures: []string{c.Arch}, CodeSha256: v.code.sha256, CodeSize: v.code.size,
		Description: c.Description, EphemeralStorage: &sizeJSON{c.EphemeralMB},
		FunctionArn: s.functionARN(v.function.name), FunctionName: v.function.name,
		Handler: c.Handler, LastModified: v.modified.UTC().Format(timeForm),
		Layers:        s.describeLayers(c.Layers),
		LoggingConfig: &loggingJSON{c.AppLevel, c.LogFormat, c.LogGroup, c.SystemLevel},
		MemorySize:    c.MemoryMB, PackageType: packageZip, RevisionID: v.settled, Role: c.Role, Runtime: c.Runtime,
		SnapStart: &snapStartJSON{c.SnapStart, "Off"},
		State:     "Active", LastUpdateStatus: "Successful",
		Timeout:       int((c.Timeout + time.Second - 1) / time.Second),
		TracingConfig: &tracingJSON{c.Tracing}, Version: v.number,
	}
	if c.HasVars {
		d.Environment = &environmentJSON{c.Variables}
		if c.Variables == nil {
			d.Environment.Variables = map[string]string{}
		}
	}
	if c.Tenancy != "" {
		d.TenancyConfig = &tenancyJSON{c.Tenancy}
	}
	if qualifier == "" && v.number != latestVersion {
		qualifier = v.number
	}
	if qualifier != "" {
		d.FunctionArn += ":" + qualifier
	}
	if v.code.image != nil {
		d.describeImage(v)
	} else {
		d.RuntimeVersionConfig = &runtimeVersion{v.runtimeARN(s.set.Region)}
	}
	d.describeSnapStart(v)
	if !v.active(time.Now()) {
		d.unsettle(v)
	}
	return d
}

// unsettle shows a version that is being created or updated.
func (d *functionConfiguration) unsettle(v *version) {
	d.RevisionID, d.SnapStart.OptimizationStatus = v.revision, "Off"
	if v.created || (v.before == nil && !v.code.ready()) {
		d.State, d.StateReason, d.StateReasonCode = "Pending", creatingReason, creating
		d.LastUpdateStatus = ""
		return
	}
	d.LastUpdateStatus, d.LastUpdateStatusReason, d.LastUpdateStatusReasonCode = "InProgress", creatingReason, creating
}

// asAnswered is the configuration as the creating or updating call itself
// answers it: not settled yet, whatever the delay.
func (s *Server) asAnswered(v *version) functionConfiguration {
	d := s.describe(v, "")
	d.unsettle(v)
	return d
}

// asListed leaves out what ListFunctions leaves out.
func (s *Server) asListed(v *version, qualifier string) functionConfiguration {
	d := s.describe(v, qualifier)
	d.State, d.StateReason, d.StateReasonCode = "", "", ""
	d.LastUpdateStatus, d.LastUpdateStatusReason, d.LastUpdateStatusReasonCode = "", "", ""
	d.RuntimeVersionConfig = nil
	return d
}
