package emulator

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) layerRoutes() map[string]operation {
	const versions = "/2018-10-31/layers/{layer}/versions"
	const one = versions + "/{version}"
	return map[string]operation{
		"GET /2018-10-31/layers":          s.locked(s.listLayers),
		"POST " + versions:                s.publishLayer,
		"GET " + versions:                 s.locked(s.listLayerVersions),
		"GET " + one:                      s.locked(s.getLayerVersion),
		"DELETE " + one:                   s.locked(s.deleteLayerVersion),
		"POST " + one + "/policy":         lockedReading(s, "AddLayerVersionPermission", s.addLayerPermission),
		"GET " + one + "/policy":          s.locked(s.getLayerPolicy),
		"DELETE " + one + "/policy/{sid}": s.locked(s.removeLayerPermission),
	}
}

type publishLayerRequest struct {
	Content                 codeRequest
	Description             string
	LicenseInfo             string
	CompatibleRuntimes      []string
	CompatibleArchitectures []string
}

// layerVersionJSON is the answer shape of the layer operations. Lists that were
// not given are left out, empty ones are not.
type layerVersionJSON struct {
	CompatibleArchitectures []string          `json:"CompatibleArchitectures,omitzero"`
	CompatibleRuntimes      []string          `json:"CompatibleRuntimes,omitzero"`
	Content                 *layerContentJSON `json:"Content,omitempty"`
	CreatedDate             string
	Description             string
	LayerArn                string `json:"LayerArn,omitempty"`
	LayerVersionArn         string
	LicenseInfo             string `json:"LicenseInfo,omitempty"`
	Version                 int
}

type layerContentJSON struct {
	CodeSha256 string
	CodeSize   int64
	Location   string
}

// describeLayerVersion gives one version; content says whether with its code's
// address, which lists leave out.
func (s *Server) describeLayerVersion(r *http.Request, v *layerVersion, content bool) layerVersionJSON {
	d := layerVersionJSON{
		CompatibleArchitectures: v.archs, CompatibleRuntimes: v.runtimes, CreatedDate: v.created.UTC().Format(timeForm),
		Description: v.description, LayerVersionArn: s.layerVersionARN(v), LicenseInfo: v.license, Version: v.number,
	}
	if content {
		d.LayerArn = s.layerARN(v.layer.name)
		d.Content = &layerContentJSON{v.code.sha256, v.code.size, codeLocation(r, v.code)}
	}
	return d
}

// layerName reads the layer that a path names: a name or an ARN.
func (s *Server) layerName(r *http.Request) (string, *apiError) {
	name := r.PathValue("layer")
	if len(name) > 140 {
		return "", violated(name, "layerName", "Member must have length less than or equal to 140")
	}
	if !layerNameForm.MatchString(name) {
		return "", violated(name, "layerName", "Member must satisfy regular expression pattern: "+layerNamePattern)
	}
	return name[strings.LastIndexByte(name, ':')+1:], nil
}

var architectures = []string{"x86_64", "arm64"}

// check collects what the request breaks, since the service says it all at once.
func (req *publishLayerRequest) check() *apiError {
	var all []violation
	if len(req.CompatibleRuntimes) > 15 {
		all = append(all, violation{listed(req.CompatibleRuntimes), "compatibleRuntimes", "Member must have length less than or equal to 15"})
	}
	// A layer may name a runtime that functions can no longer be made with.
	unknown := func(name string) bool {
		return !slices.Contains(runtimeNames, name) && !slices.Contains(retiredRuntimes, name)
	}
	if slices.ContainsFunc(req.CompatibleRuntimes, unknown) {
		all = append(all, violation{listed(req.CompatibleRuntimes), "compatibleRuntimes", "Member must satisfy enum value set: [" + strings.Join(runtimeNames, ", ") + "]"})
	}
	if slices.ContainsFunc(req.CompatibleArchitectures, func(name string) bool { return !slices.Contains(architectures, name) }) {
		all = append(all, violation{listed(req.CompatibleArchitectures), "compatibleArchitectures", "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"})
	}
	if len(all) > 0 {
		return violatedAll(all...)
	}
	return nil
}

func listed(values []string) string { return "[" + strings.Join(values, ", ") + "]" }

func (s *Server) publishLayer(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req publishLayerRequest
	if err := decode(w, r, maxCreateBody, "PublishLayerVersion", &req); err != nil {
		return answer{}, err
	}
	name, err := s.layerName(r)
	if err != nil {
		return answer{}, err
	}
	if err := req.check(); err != nil {
		return answer{}, err
	}
	content, err := s.store(&req.Content)
	if err != nil {
		return answer{}, err
	}
	// The archive is good; from here on only its bytes are needed.
	_ = os.RemoveAll(content.dir) // Close removes what is left
	content.retain()
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.layers[name]
	if l == nil {
		l = &layer{name: name}
		s.layers[name] = l
	}
	l.count++
	v := &layerVersion{
		layer: l, number: l.count, code: content, created: time.Now(), description: req.Description, license: req.LicenseInfo,
		runtimes: req.CompatibleRuntimes, archs: req.CompatibleArchitectures,
	}
	l.versions = append(l.versions, v)
	return answer{http.StatusCreated, s.describeLayerVersion(r, v, true)}, nil
}

// layerNumber reads the version that a path names.
func layerNumber(r *http.Request) (int, *apiError) {
	text := r.PathValue("version")
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, violated(text, "versionNumber", "Member must be a number")
	case n < 1:
		return 0, invalidParameter("Layer Version Cannot be less than 1")
	}
	return n, nil
}

// layerVersionOf finds the version that a path names; nil, where there is none,
// is not an error yet. The lock is held.
func (s *Server) layerVersionOf(r *http.Request) (name string, number int, v *layerVersion, bad *apiError) {
	if name, bad = s.layerName(r); bad != nil {
		return name, 0, nil, bad
	}
	if number, bad = layerNumber(r); bad != nil {
		return name, 0, nil, bad
	}
	if l := s.layers[name]; l != nil {
		v = l.version(number)
	}
	return name, number, v, nil
}

func (s *Server) getLayerVersion(r *http.Request) (answer, *apiError) {
	_, _, v, err := s.layerVersionOf(r)
	switch {
	case err != nil:
		return answer{}, err
	case v == nil:
		return answer{}, noResource()
	}
	return answer{http.StatusOK, s.describeLayerVersion(r, v, true)}, nil
}

func noResource() *apiError { return notFound("The resource you requested does not exist.") }

// deleteLayerVersion answers alike whether the version was there or not.
func (s *Server) deleteLayerVersion(r *http.Request) (answer, *apiError) {
	_, _, v, err := s.layerVersionOf(r)
	if err != nil {
		return answer{}, err
	}
	if v != nil {
		v.layer.versions = slices.DeleteFunc(v.layer.versions, func(o *layerVersion) bool { return o == v })
		v.code.release()
	}
	return answer{status: http.StatusNoContent}, nil
}

// layerRuntimes are the values that ListLayers and ListLayerVersions take as
// CompatibleRuntime, in the order in which the validation error printed them
// (recorded January 2026).
const layerRuntimes = "ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, provided.al2023, nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x, python3.13, python3.14, nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, python3.4, ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7"

// layerFilter reads the filters of the list operations.
func layerFilter(r *http.Request) (runtime, arch string, bad *apiError) {
	q := r.URL.Query()
	runtime, arch = q.Get("CompatibleRuntime"), q.Get("CompatibleArchitecture")
	if runtime != "" && !slices.Contains(strings.Split(layerRuntimes, ", "), runtime) {
		return "", "", violated(runtime, "compatibleRuntime", "Member must satisfy enum value set: ["+layerRuntimes+"]")
	}
	if arch != "" && !slices.Contains(architectures, arch) {
		return "", "", violated(arch, "compatibleArchitecture", "Member must satisfy enum value set: [x86_64, arm64]")
	}
	return runtime, arch, nil
}

func (s *Server) listLayerVersions(r *http.Request) (answer, *apiError) {
	name, err := s.layerName(r)
	if err != nil {
		return answer{}, err
	}
	runtime, arch, err := layerFilter(r)
	if err != nil {
		return answer{}, err
	}
	list := []layerVersionJSON{}
	if l := s.layers[name]; l != nil {
		for _, v := range slices.Backward(l.versions) {
			if v.suits(runtime, arch) {
				list = append(list, s.describeLayerVersion(r, v, false))
			}
		}
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		LayerVersions []layerVersionJSON
		NextMarker    string `json:"NextMarker,omitempty"`
	}{page, next}}, err
}

// listLayers also is GetLayerVersionByArn, which has its path.
func (s *Server) listLayers(r *http.Request) (answer, *apiError) {
	if q := r.URL.Query(); q.Get("find") == "LayerVersion" {
		return s.getLayerVersionByARN(r, q.Get("Arn"))
	}
	runtime, arch, err := layerFilter(r)
	if err != nil {
		return answer{}, err
	}
	type latestJSON struct {
		LatestMatchingVersion layerVersionJSON
		LayerArn              string
		LayerName             string
	}
	list := []latestJSON{}
	for _, l := range s.sortedLayers() {
		for _, v := range slices.Backward(l.versions) {
			if v.suits(runtime, arch) {
				list = append(list, latestJSON{s.describeLayerVersion(r, v, false), s.layerARN(l.name), l.name})
				break
			}
		}
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		Layers     []latestJSON
		NextMarker string `json:"NextMarker,omitempty"`
	}{page, next}}, err
}

func (s *Server) getLayerVersionByARN(r *http.Request, arn string) (answer, *apiError) {
	if !layerVersionForm.MatchString(arn) {
		return answer{}, violated(arn, "arn", "Member must satisfy regular expression pattern: "+layerVersionPattern)
	}
	v := s.layerByARN(arn)
	if v == nil {
		return answer{}, noResource()
	}
	return answer{http.StatusOK, s.describeLayerVersion(r, v, true)}, nil
}
