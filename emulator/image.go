package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"coldbench/emulator/images"
)

// imageConfigJSON are the settings of an image that a function overrides.
type imageConfigJSON struct {
	Command          []string `json:"Command,omitempty"`
	EntryPoint       []string `json:"EntryPoint,omitempty"`
	WorkingDirectory string   `json:"WorkingDirectory,omitempty"`
}

type imageConfigResponse struct {
	ImageConfig *imageConfigJSON
}

const (
	packageZip   = "Zip"
	packageImage = "Image"

	// notForImages is CreateFunction's answer. Source: pulumi/pulumi-aws#5439.
	notForImages = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
)

// check refuses overrides that Lambda's model refuses.
// Source: AWS Lambda API reference, ImageConfig.
func (c *imageConfigJSON) check() *apiError {
	for member, list := range map[string][]string{"command": c.Command, "entryPoint": c.EntryPoint} {
		if len(list) > 1500 {
			return violated(fmt.Sprintf("%d members", len(list)), "imageConfig."+member, "Member must have length less than or equal to 1500")
		}
	}
	if len(c.WorkingDirectory) > 1000 {
		return violated(c.WorkingDirectory, "imageConfig.workingDirectory", "Member must have length less than or equal to 1000")
	}
	return nil
}

// applyImage sets the overrides, where the request has given any; empty ones
// take them away.
func (c *config) applyImage(given *imageConfigJSON) *apiError {
	if given == nil {
		return nil
	}
	if err := given.check(); err != nil {
		return err
	}
	c.Image = given
	if len(given.Command) == 0 && len(given.EntryPoint) == 0 && given.WorkingDirectory == "" {
		c.Image = nil
	}
	return nil
}

// checkPackage refuses what does not go with the kind of package.
func (req *createRequest) checkPackage() *apiError {
	switch req.PackageType {
	case "", packageZip:
		if req.Runtime == nil || *req.Runtime == "" || req.Handler == nil || *req.Handler == "" {
			return invalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
		}
	case packageImage:
		if req.forZips() {
			return invalidParameter(notForImages)
		}
		if req.Code.ImageURI == "" {
			return invalidParameter("Please provide a source for function code.")
		}
	default:
		return violated(req.PackageType, "packageType", "Member must satisfy enum value set: [Image, Zip]")
	}
	return nil
}

// forZips says whether a request sets what only deployment packages have.
func (req *configRequest) forZips() bool {
	return req.Runtime != nil || req.Handler != nil || len(req.Layers) > 0
}

// describeImage makes a configuration that of an image.
func (d *functionConfiguration) describeImage(v *version) {
	d.PackageType = packageImage
	if c := v.config.Image; c != nil {
		d.ImageConfigResponse = &imageConfigResponse{c}
	}
	if err := v.imageFailure(); err != nil {
		d.State, d.LastUpdateStatus = "Failed", ""
		d.StateReasonCode, d.StateReason = imageReason(err)
	} else if v.refused != nil {
		d.LastUpdateStatus = "Failed"
		d.LastUpdateStatusReasonCode, d.LastUpdateStatusReason = imageReason(v.refused)
	}
}

// imageReason is why an image could not be pulled, as a reason code of a
// function's state and in words. Source of the codes: AWS Lambda API reference,
// FunctionConfiguration, LastUpdateStatusReasonCode.
func imageReason(err error) (code, text string) {
	var refused *images.Error
	if !errors.As(err, &refused) {
		return "InternalError", err.Error()
	}
	code = refused.ReasonCode()
	return code, code + ": " + refused.LambdaMessage()
}

// codeJSON is where GetFunction says that the code is.
type codeJSON struct {
	ImageURI         string `json:"ImageUri,omitempty"`
	Location         string `json:"Location,omitempty"`
	RepositoryType   string
	ResolvedImageURI string `json:"ResolvedImageUri,omitempty"`
}

func describeCode(r *http.Request, c *code) codeJSON {
	if c.image == nil {
		return codeJSON{Location: codeLocation(r, c), RepositoryType: "S3"}
	}
	return codeJSON{ImageURI: c.image.uri, RepositoryType: "ECR", ResolvedImageURI: pinned(c.image.uri) + "@sha256:" + c.sha256}
}

// pinned is a reference without its tag or digest.
func pinned(uri string) string {
	uri, _, _ = strings.Cut(uri, "@")
	if i := strings.LastIndexByte(uri, ':'); i > strings.LastIndexByte(uri, '/') && i >= 0 {
		return uri[:i]
	}
	return uri
}

// ImagePrefix is where a server answers for the image of a function, beside the
// API of Lambda: GET ImagePrefix + NAME gives an ImageReport as JSON, with status
// 202 while the image is being pulled.
const ImagePrefix = "/coldbench/images/"

// ImageReport is what became of the image of a function.
type ImageReport struct {
	Image  string        `json:"image"`
	Digest string        `json:"digest"`
	Index  bool          `json:"index"` // of several platforms: Lambda refuses it
	Pull   images.Report `json:"pull"`
	// DoneBytes of TotalBytes have been downloaded; both 0 where nothing has to be.
	DoneBytes  int64 `json:"done_bytes"`
	TotalBytes int64 `json:"total_bytes"`
}

func (s *Server) getImage(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	t, bad := s.named(r)
	if bad != nil {
		return answer{}, bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, bad := s.find(t, "")
	if bad != nil {
		return answer{}, bad
	}
	p := v.code.image
	if p == nil || v.imageFailure() != nil {
		return answer{}, notFound("Function %s has no pulled image.", t.name)
	}
	report := ImageReport{Image: p.uri, Digest: "sha256:" + v.code.sha256, DoneBytes: p.done.Load(), TotalBytes: p.total.Load()}
	image := v.image()
	if image == nil {
		return answer{http.StatusAccepted, report}, nil
	}
	report.Index, report.Pull = p.source.Index, image.Report
	return answer{http.StatusOK, report}, nil
}
