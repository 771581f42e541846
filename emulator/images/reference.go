package images

import (
	"os"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// The prefixes of references to local files.
const (
	layoutPrefix  = "oci:"
	archivePrefix = "docker-archive:"
)

// place is where a reference leads to. One of its three is set.
type place struct {
	remote  name.Reference
	layout  string // a folder
	tag     string // in the layout, "" for its only image
	archive string // a file
}

// ecrHost is the host of a private registry of AWS.
var ecrHost = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

// locate reads a reference. Where instead is a HOST:PORT, it stands in for the
// registries of AWS. As for Lambda, a registry and a tag or digest must be
// named.
func locate(reference, instead string) (place, error) {
	if dir, ok := strings.CutPrefix(reference, layoutPrefix); ok && dir != "" {
		return locateLayout(dir), nil
	}
	if file, ok := strings.CutPrefix(reference, archivePrefix); ok && file != "" {
		return place{archive: file}, nil
	}
	ref, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return place{}, &Error{Kind: NotValid, Reference: reference, Reason: "not a reference: want HOST/NAME:TAG, HOST/NAME@sha256:..., oci:DIR or docker-archive:FILE"}
	}
	if instead != "" && ecrHost.MatchString(ref.Context().RegistryStr()) {
		moved := instead + strings.TrimPrefix(reference, ref.Context().RegistryStr())
		if ref, err = name.ParseReference(moved, name.StrictValidation); err != nil {
			return place{}, &Error{Kind: NotValid, Reference: reference, Reason: "not a reference at the registry " + instead}
		}
	}
	return place{remote: ref}, nil
}

// IsLocal says whether a reference names a file of this machine, whose contents
// may become others.
func IsLocal(reference string) bool {
	return strings.HasPrefix(reference, layoutPrefix) || strings.HasPrefix(reference, archivePrefix)
}

// CheckReference says whether a reference can be one, without looking whether
// anything is there. The error is an *Error.
func CheckReference(reference string) error {
	_, err := locate(reference, "")
	return err
}

// locateLayout splits DIR:TAG, unless there is a folder of that whole name.
func locateLayout(dir string) place {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return place{layout: dir}
	}
	if i := strings.LastIndexByte(dir, ':'); i > 0 && !strings.Contains(dir[i:], "/") {
		return place{layout: dir[:i], tag: dir[i+1:]}
	}
	return place{layout: dir}
}
