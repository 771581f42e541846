package emulator

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// policy is a resource-based policy: of a function, an alias, a published
// version, or a version of a layer. The zero value has no statement, which is
// to have no policy. Nothing here is ever evaluated: the emulator knows no
// callers. Guarded by Server.mu.
type policy struct {
	revision   string
	statements []statement
}

// statement has its members in the service's order.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

var (
	statementForm = regexp.MustCompile(`^([a-zA-Z0-9-_]+)$`)
	accountForm   = regexp.MustCompile(`^\d{12}$`)
	serviceForm   = regexp.MustCompile(`^[a-z0-9.-]+\.amazon(aws\.com(\.cn)?|\.com)$`)
)

// checkStatementID refuses what the service refuses as a StatementId.
func checkStatementID(id string) *apiError {
	if !statementForm.MatchString(id) {
		return violated(id, "statementId", "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)")
	}
	return nil
}

// principal is how a policy names who may: everybody, an account, an IAM user
// or role, or a service of AWS. ok is false for anything else.
func principal(p string) (named any, ok bool) {
	switch {
	case p == "*":
		return p, true
	case accountForm.MatchString(p):
		return map[string]string{"AWS": "arn:aws:iam::" + p + ":root"}, true
	case strings.HasPrefix(p, "arn:"):
		return map[string]string{"AWS": p}, true
	case serviceForm.MatchString(p):
		return map[string]string{"Service": p}, true
	}
	return nil, false
}

// fresh refuses a request that was made against another state of the policy.
// call names what gives the current one.
func (p *policy) fresh(revision, call string) *apiError {
	if revision == "" || revision == p.revision {
		return nil
	}
	return stale(call)
}

// stale is the answer to a RevisionId that is not the current one.
func stale(call string) *apiError {
	return &apiError{
		Status: http.StatusPreconditionFailed, Kind: "PreconditionFailedException", User: true,
		Text: "The Revision Id provided does not match the latest Revision Id. Call the " + call + " API to retrieve the latest Revision Id",
	}
}

func (p *policy) add(st statement) *apiError {
	if slices.ContainsFunc(p.statements, func(o statement) bool { return o.Sid == st.Sid }) {
		return conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", st.Sid)
	}
	p.statements = append(p.statements, st)
	p.revision = newUUID()
	return nil
}

func (p *policy) remove(id string) *apiError {
	i := slices.IndexFunc(p.statements, func(o statement) bool { return o.Sid == id })
	switch {
	case len(p.statements) == 0:
		return noPolicy()
	case i < 0:
		return notFound("Statement %s is not found in resource policy.", id)
	}
	p.statements = slices.Delete(p.statements, i, i+1)
	p.revision = newUUID()
	return nil
}

func noPolicy() *apiError { return notFound("No policy is associated with the given resource.") }

type policyJSON struct {
	Policy     string
	RevisionID string `json:"RevisionId"`
}

// describe gives the policy as text in JSON.
func (p *policy) describe() policyJSON {
	document := struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2012-10-17", "default", p.statements}
	return policyJSON{string(encodeJSON(document)), p.revision}
}

type permissionJSON struct {
	RevisionID string `json:"RevisionId,omitempty"`
	Statement  string
}
