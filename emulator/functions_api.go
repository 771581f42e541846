package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sizes that the service refuses, as recorded.
const (
	maxCreateBody = 70167211
	maxZip        = 52428800
	maxOtherBody  = 1 << 20
)

// createRequest is the body of CreateFunction.
type createRequest struct {
	FunctionName string
	Code         codeRequest
	PackageType  string
	Publish      bool
	Tags         map[string]string
	Tenancy      *tenancyJSON `json:"TenancyConfig"`
	configRequest
}

type codeRequest struct {
	ZipFile         []byte
	S3Bucket        string
	S3Key           string
	S3ObjectVersion string
	ImageURI        string `json:"ImageUri"`
}

// configRequest are the members that CreateFunction and
// UpdateFunctionConfiguration share; nil means not given.
type configRequest struct {
	Runtime          *string
	Role             *string
	Handler          *string
	Description      *string
	Timeout          *int
	MemorySize       *int
	Environment      *environmentRequest
	Architectures    []string
	EphemeralStorage *struct{ Size int }
	TracingConfig    *struct{ Mode string }
	LoggingConfig    *loggingJSON
	SnapStart        *struct{ ApplyOn string }
	Layers           []string
	ImageConfig      *imageConfigJSON
	DeadLetterConfig *deadLetterJSON
	RevisionID       string `json:"RevisionId"`
}

func (s *Server) createFunction(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req createRequest
	if err := decode(w, r, maxCreateBody, "CreateFunction", &req); err != nil {
		return answer{}, err
	}
	if err := checkName(req.FunctionName); err != nil {
		return answer{}, err
	}
	t, bad := s.parseName(req.FunctionName)
	if bad != nil {
		return answer{}, bad
	}
	if err := checkTags(nil, req.Tags); err != nil {
		return answer{}, err
	}
	c := defaultConfig(t.name)
	if err := c.applyTenancy(req.Tenancy); err != nil {
		return answer{}, err
	}
	if err := s.apply(&c, &req.configRequest); err != nil {
		return answer{}, err
	}
	if err := req.checkPackage(); err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	exists := s.functions[t.name] != nil
	s.mu.Unlock()
	if exists {
		return answer{}, conflict("Function already exist: %s", t.name)
	}
	given, err := s.layersFor(req.Layers)
	if err != nil {
		return answer{}, err
	}
	defer given.release()
	code, err := s.createdCode(r, &req)
	if err != nil {
		return answer{}, err
	}
	code.retain()
	defer code.release()
	if err := c.applyLayers(given, code); err != nil {
		return answer{}, err
	}
	if err := s.checkRuns(&c, code); err != nil {
		return answer{}, err
	}
	return s.enrol(&req, t.name, c, code)
}

// enrol makes a new function known and answers for it.
func (s *Server) enrol(req *createRequest, name string, c config, code *code) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.functions[name] != nil {
		return answer{}, conflict("Function already exist: %s", name)
	}
	fn := s.newFunction(name)
	maps.Copy(fn.tags, req.Tags)
	v := s.newVersion(fn, c, code)
	v.created = true
	fn.latest = v
	s.functions[name] = fn
	if code.image != nil {
		s.pullLater(code, nil)
	}
	if req.Publish {
		v = s.publish(fn, c.Description)
		v.created, v.activeAt, v.revision = true, fn.latest.activeAt, newUUID()
	}
	d := s.asAnswered(v)
	d.FunctionArn = s.functionARN(name)
	return answer{http.StatusCreated, d}, nil
}

// apply changes a configuration as a request asks.
func (s *Server) apply(c *config, req *configRequest) *apiError {
	if err := s.applyRuntime(c, req); err != nil {
		return err
	}
	if req.Timeout != nil {
		if n := *req.Timeout; n < 1 || n > 900 {
			return violated(strconv.Itoa(n), "timeout", "Member must have value between 1 and 900")
		}
		c.Timeout = time.Duration(*req.Timeout) * time.Second
	}
	if req.MemorySize != nil {
		switch n := *req.MemorySize; {
		case n < 128:
			return violated(strconv.Itoa(n), "memorySize", "Member must have value greater than or equal to 128")
		case n > 10240:
			return violated(strconv.Itoa(n), "memorySize", "Member must have value less than or equal to 10240")
		}
		c.MemoryMB = *req.MemorySize
	}
	if req.EphemeralStorage != nil {
		if n := req.EphemeralStorage.Size; n < 512 || n > 10240 {
			return violated(strconv.Itoa(n), "ephemeralStorage.size", "Member must have value between 512 and 10240")
		}
		c.EphemeralMB = req.EphemeralStorage.Size
	}
	if req.Environment != nil {
		if err := req.Environment.check(); err != nil {
			return err
		}
		c.Variables, c.HasVars = req.Environment.Variables, true
	}
	setGiven(&c.Handler, req.Handler)
	setGiven(&c.Description, req.Description)
	if req.TracingConfig != nil {
		if err := oneOf(req.TracingConfig.Mode, "tracingConfig.mode", "Active", "PassThrough"); err != nil {
			return err
		}
		c.Tracing = req.TracingConfig.Mode
	}
	if req.SnapStart != nil {
		if err := oneOf(req.SnapStart.ApplyOn, "snapStart.applyOn", "PublishedVersions", "None"); err != nil {
			return err
		}
		if c.SnapStart = req.SnapStart.ApplyOn; c.SnapStart != "None" {
			if err := c.excludesTenancy("SnapStart"); err != nil {
				return err
			}
		}
	}
	c.applyLogging(req.LoggingConfig)
	if err := req.DeadLetterConfig.check(); err != nil {
		return err
	}
	return c.applyImage(req.ImageConfig)
}

// applyLayers sets the layers, where the request has given any, and checks the
// size of all code together.
func (c *config) applyLayers(given *layersGiven, code *code) *apiError {
	if given != nil {
		c.Layers, c.tree = given.list, given.tree
	}
	return checkUnzipped(code, c.tree)
}

func setGiven(v, given *string) {
	if given != nil {
		*v = *given
	}
}

func (c *config) applyLogging(l *loggingJSON) {
	if l == nil {
		return
	}
	if l.LogFormat != "" {
		c.LogFormat = l.LogFormat
	}
	if l.LogGroup != "" {
		c.LogGroup = l.LogGroup
	}
	if c.LogFormat == "JSON" {
		setDefault(&c.AppLevel, "INFO")
		setDefault(&c.SystemLevel, "INFO")
	} else {
		c.AppLevel, c.SystemLevel = "", ""
	}
	if l.ApplicationLogLevel != "" {
		c.AppLevel = l.ApplicationLogLevel
	}
	if l.SystemLogLevel != "" {
		c.SystemLevel = l.SystemLogLevel
	}
}

// runtimeNames are those that CreateFunction takes, in the order in which its
// validation error printed them (recorded November 2025).
var runtimeNames = []string{
	"nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
	"python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17", "nodejs16.x",
	"dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
}

// retiredRuntimes are refused with a text of their own.
var retiredRuntimes = []string{
	"java8", "go1.x", "provided", "ruby2.7", "ruby2.5", "nodejs14.x", "nodejs12.x", "nodejs10.x", "nodejs8.10", "python3.7",
	"python3.6", "python2.7", "dotnetcore3.1", "dotnetcore2.1",
}

const rolePattern = `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`

func (s *Server) applyRuntime(c *config, req *configRequest) *apiError {
	if req.Role != nil {
		if !roleForm.MatchString(*req.Role) {
			return violated(*req.Role, "role", "Member must satisfy regular expression pattern: "+rolePattern)
		}
		c.Role = *req.Role
	}
	if req.Architectures != nil {
		if err := checkArchitectures(req.Architectures); err != nil {
			return err
		}
		c.Arch = req.Architectures[0]
	}
	if req.Runtime == nil {
		return nil
	}
	c.Runtime = *req.Runtime
	switch name := c.Runtime; {
	case slices.Contains(retiredRuntimes, name):
		return invalidParameter("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", name)
	case !slices.Contains(runtimeNames, name):
		return invalidParameter("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", name, strings.Join(runtimeNames, ", "))
	case !s.set.Runtimes.Known(name):
		return invalidParameter("Runtime %s exists on Lambda, but this emulator has nothing to run it on.", name)
	}
	// An interpreter that is missing on this machine is said now rather than
	// with the first request.
	return s.checkRuns(c, &code{})
}

// checkRuns refuses what this machine has nothing to run with; a fault of the
// code itself shows with the first request, as on Lambda.
func (s *Server) checkRuns(c *config, code *code) *apiError {
	if code.image != nil {
		return nil
	}
	if _, _, err := s.set.Runtimes.Command(c.Runtime, code.dir, c.Handler, c.MemoryMB); err != nil && !isFunctionError(err) {
		return invalidParameter("%v", err)
	}
	return nil
}

func checkArchitectures(list []string) *apiError {
	switch {
	case len(list) != 1:
		return violated("["+strings.Join(list, ", ")+"]", "architectures", "Member must have length less than or equal to 1")
	case list[0] != "x86_64" && list[0] != "arm64":
		return violated("["+list[0]+"]", "architectures", "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
	}
	return nil
}
