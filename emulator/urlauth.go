package emulator

import (
	"net/http"
	"regexp"
)

// Requests to a function URL of AuthType AWS_IAM have to be signed. The emulator
// has no secrets to check a signature with: it asks that there is one of the
// right form for the service lambda, in a header or in the query, and believes
// it.

var (
	signatureForm  = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[a-z0-9-]+/lambda/aws4_request, ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}$`)
	credentialForm = regexp.MustCompile(`^([^/]+)/\d{8}/[a-z0-9-]+/lambda/aws4_request$`)
	hexSignature   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// signer gives the access key that a request is signed with.
func signer(r *http.Request) (accessKey string, signed bool) {
	if m := signatureForm.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[1], true
	}
	q := r.URL.Query()
	m := credentialForm.FindStringSubmatch(q.Get("X-Amz-Credential"))
	if m != nil && q.Get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256" && hexSignature.MatchString(q.Get("X-Amz-Signature")) {
		return m[1], true
	}
	return "", false
}

// urlForbidden is the answer to a request that may not invoke the function
// (text recorded November 2025).
func urlForbidden() *apiError {
	return &apiError{
		Status: http.StatusForbidden, Kind: "AccessDeniedException", Capital: true,
		Text: "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
	}
}

// urlAuthorizer is who has signed a request, as its event says.
type urlAuthorizer struct {
	IAM urlCaller `json:"iam"`
}

type urlCaller struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"`
	PrincipalOrgID  *string `json:"principalOrgId"`
	UserArn         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

// authorize puts the caller into a request's context. The emulator knows no
// users: it names a made one.
func (c *urlContext) authorize(accessKey, account string) {
	c.AccountID = account
	c.Authorizer = &urlAuthorizer{urlCaller{
		AccessKey: accessKey, AccountID: account, CallerID: accessKey, UserArn: "arn:aws:iam::" + account + ":user/local", UserID: accessKey,
	}}
}
