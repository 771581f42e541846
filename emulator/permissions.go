package emulator

import "net/http"

type addPermissionRequest struct {
	StatementID         string `json:"StatementId"`
	Action              string
	Principal           string
	SourceArn           string
	SourceAccount       string
	EventSourceToken    string
	PrincipalOrgID      string
	FunctionURLAuthType string `json:"FunctionUrlAuthType"`
	RevisionID          string `json:"RevisionId"`
}

// conditions are what limits a permission further.
func (req *addPermissionRequest) conditions() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, c := range []struct{ operator, key, value string }{
		{"StringEquals", "AWS:SourceAccount", req.SourceAccount},
		{"StringEquals", "lambda:EventSourceToken", req.EventSourceToken},
		{"StringEquals", "lambda:FunctionUrlAuthType", req.FunctionURLAuthType},
		{"StringEquals", "aws:PrincipalOrgID", req.PrincipalOrgID},
		{"ArnLike", "AWS:SourceArn", req.SourceArn},
	} {
		if c.value == "" {
			continue
		}
		if all[c.operator] == nil {
			all[c.operator] = map[string]string{}
		}
		all[c.operator][c.key] = c.value
	}
	return all
}

// policyOf finds the policy of what a request names, which may have none yet;
// the zero policy of a function that exists is made on the way. The lock is held.
func (s *Server) policyOf(t target) (*policy, *apiError) {
	if t.qualifier == latestVersion {
		return nil, invalidParameter("We currently do not support adding policies for $LATEST.")
	}
	fn, _, err := s.find(t, "")
	switch {
	case err != nil && s.functions[t.name] != nil && t.qualifier != "" && isAliasName(t.qualifier):
		return nil, noAlias(s, t)
	case err != nil:
		return nil, err
	}
	if fn.policies[t.qualifier] == nil {
		fn.policies[t.qualifier] = &policy{}
	}
	return fn.policies[t.qualifier], nil
}

// isAliasName says whether a qualifier can only be an alias.
func isAliasName(q string) bool { return plainName.MatchString(q) && !numberForm.MatchString(q) }

func (s *Server) addPermission(r *http.Request, req *addPermissionRequest) (answer, *apiError) {
	if err := checkStatementID(req.StatementID); err != nil {
		return answer{}, err
	}
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	named, ok := principal(req.Principal)
	if !ok {
		return answer{}, invalidParameter("The provided principal was invalid. Please check the principal and try again.")
	}
	p, err := s.policyOf(t)
	if err != nil {
		return answer{}, err
	}
	if err := p.fresh(req.RevisionID, "GetPolicy"); err != nil {
		return answer{}, err
	}
	st := statement{
		Sid: req.StatementID, Effect: "Allow", Principal: named, Action: req.Action, Resource: s.functionARN(t.name), Condition: req.conditions(),
	}
	if t.qualifier != "" {
		st.Resource += ":" + t.qualifier
	}
	if err := p.add(st); err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, permissionJSON{Statement: string(encodeJSON(st))}}, nil
}

func (s *Server) getPolicy(r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	if fn := s.functions[t.name]; fn != nil && fn.policies[t.qualifier] != nil && len(fn.policies[t.qualifier].statements) > 0 {
		return answer{http.StatusOK, fn.policies[t.qualifier].describe()}, nil
	}
	return answer{}, noResource()
}

func (s *Server) removePermission(r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	if s.functions[t.name] == nil {
		return answer{}, notFound("No policy found for: %s", s.functionARN(t.name))
	}
	p, err := s.policyOf(t)
	if err != nil {
		return answer{}, err
	}
	if err := p.fresh(r.URL.Query().Get("RevisionId"), "GetPolicy"); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, p.remove(r.PathValue("sid"))
}
