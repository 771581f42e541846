package emulator

import "net/http"

type addLayerPermissionRequest struct {
	Action         string
	OrganizationID string `json:"OrganizationId"`
	Principal      string
	StatementID    string `json:"StatementId"`
}

// layerWithPolicy finds the version whose policy a request is about. The lock
// is held.
func (s *Server) layerWithPolicy(r *http.Request) (*layerVersion, *apiError) {
	name, number, v, err := s.layerVersionOf(r)
	if err == nil && v == nil {
		err = notFound("Layer version %s:%d does not exist.", s.layerARN(name), number)
	}
	return v, err
}

func (s *Server) addLayerPermission(r *http.Request, req *addLayerPermissionRequest) (answer, *apiError) {
	if err := checkStatementID(req.StatementID); err != nil {
		return answer{}, err
	}
	if req.Action != "lambda:GetLayerVersion" {
		return answer{}, violated(req.Action, "action", "Member must satisfy regular expression pattern: lambda:GetLayerVersion")
	}
	v, err := s.layerWithPolicy(r)
	if err != nil {
		return answer{}, err
	}
	named, ok := principal(req.Principal)
	if !ok {
		return answer{}, violated(req.Principal, "principal", `Member must satisfy regular expression pattern: \d{12}|\*|arn:(aws[a-zA-Z-]*):iam::\d{12}:root`)
	}
	if err := v.policy.fresh(r.URL.Query().Get("RevisionId"), "GetLayerPolicy"); err != nil {
		return answer{}, err
	}
	st := statement{Sid: req.StatementID, Effect: "Allow", Principal: named, Action: req.Action, Resource: s.layerVersionARN(v)}
	if req.OrganizationID != "" {
		st.Condition = map[string]map[string]string{"StringEquals": {"aws:PrincipalOrgID": req.OrganizationID}}
	}
	if err := v.policy.add(st); err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, permissionJSON{v.policy.revision, string(encodeJSON(st))}}, nil
}

func (s *Server) getLayerPolicy(r *http.Request) (answer, *apiError) {
	v, err := s.layerWithPolicy(r)
	switch {
	case err != nil:
		return answer{}, err
	case len(v.policy.statements) == 0:
		return answer{}, noPolicy()
	}
	return answer{http.StatusOK, v.policy.describe()}, nil
}

func (s *Server) removeLayerPermission(r *http.Request) (answer, *apiError) {
	v, err := s.layerWithPolicy(r)
	if err != nil {
		return answer{}, err
	}
	if err := v.policy.fresh(r.URL.Query().Get("RevisionId"), "GetLayerPolicy"); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, v.policy.remove(r.PathValue("sid"))
}
