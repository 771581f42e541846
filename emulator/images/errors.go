package images

import "fmt"

// Kind is why an image was refused.
type Kind string

// The kinds of refusal.
const (
	NotValid    Kind = "not valid"      // the reference is none
	NotFound    Kind = "not found"      // no such image, tag, folder or file
	Denied      Kind = "denied"         // the registry wants other credentials
	Unreachable Kind = "unreachable"    // the registry does not answer, or not as a registry
	Unsupported Kind = "unsupported"    // media types that nobody here unpacks
	Platform    Kind = "wrong platform" // not for linux on this machine's architecture
	Corrupt     Kind = "corrupt"        // contents that are cut off or differ from their digest
	Unsafe      Kind = "unsafe"         // an entry that would leave the image
	TooLarge    Kind = "too large"      // beyond the Limits
)

// Error is a refusal of an image, as against a fault of this machine (a full
// disk), which is returned as it came.
type Error struct {
	Kind      Kind
	Reference string // as given
	Layer     string // digest of the layer; empty for the image as a whole
	Entry     string // name of the entry in the layer, as it spells it; may be empty
	Reason    string
}

func (e *Error) Error() string {
	s := "image " + e.Reference
	if e.Layer != "" {
		s += ": layer " + e.Layer
	}
	if e.Entry != "" {
		s += fmt.Sprintf(": entry %q", e.Entry)
	}
	return s + ": " + e.Reason
}

// LambdaType is the exception that CreateFunction answers with.
// Source: AWS Lambda API reference, CreateFunction, "Errors"; hashicorp/terraform-provider-aws
// issues show AccessDeniedException for an image that may not be read.
func (e *Error) LambdaType() string {
	if e.Kind == Denied {
		return "AccessDeniedException"
	}
	return "InvalidParameterValueException"
}

// ReasonCode is why a function of the image is Failed, or its update, where
// that shows only while layers are pulled.
// Source: AWS Lambda API reference, FunctionConfiguration, StateReasonCode.
func (e *Error) ReasonCode() string {
	switch e.Kind {
	case Denied:
		return "ImageAccessDenied"
	case NotFound:
		return "ImageDeleted"
	case Unreachable:
		return "InternalError"
	}
	return "InvalidImage"
}

// LambdaMessage is the service's wording where it is known, else the text of
// the error. Sources, all verbatim answers of CreateFunction: aws/aws-cdk#24648
// (does not exist), ministryofjustice/modernisation-platform#2419 (not valid),
// aws/aws-lambda-roadmap#82 (media type).
func (e *Error) LambdaMessage() string {
	switch {
	case e.Kind == NotValid:
		return "Source image " + e.Reference + " is not valid. Provide a valid source image."
	case e.Kind == NotFound:
		return "Source image " + e.Reference + " does not exist. Provide a valid source image."
	case e.Kind == Denied:
		return "Lambda does not have permission to access the ECR image. Check the ECR permissions."
	case e.Kind == Unsupported && e.Layer == "":
		return "The image manifest, config or layer media type for the source image " + e.Reference + " is not supported."
	case e.Layer != "":
		// The words of bazel-contrib/rules_oci#645, which stand for any layer
		// that the service could not read; then what is wrong with this one.
		return "ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest " + e.Layer + " (" + e.detail() + ")"
	}
	return e.Error()
}

func (e *Error) detail() string {
	if e.Entry == "" {
		return e.Reason
	}
	return fmt.Sprintf("entry %q: %s", e.Entry, e.Reason)
}
