package emulator

import "net/http"

// Settings of a function that change nothing here: what the emulator is asked,
// it keeps and answers.

// getCodeSigning answers for a function without code signing, which there is
// none of here. Recorded, the answer holds no member.
func (s *Server) getCodeSigning(r *http.Request) (answer, *apiError) {
	_, err := s.functionOf(r)
	return answer{http.StatusOK, struct{}{}}, err
}

func (s *Server) deleteCodeSigning(r *http.Request) (answer, *apiError) {
	_, err := s.functionOf(r)
	return answer{status: http.StatusNoContent}, err
}

type recursionJSON struct{ RecursiveLoop string }

func (s *Server) getRecursion(r *http.Request) (answer, *apiError) {
	fn, err := s.functionOf(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, recursionJSON{orDefault(fn.recursion, "Terminate")}}, nil
}

func (s *Server) putRecursion(r *http.Request, req *recursionJSON) (answer, *apiError) {
	if err := oneOf(req.RecursiveLoop, "recursiveLoop", "Terminate", "Allow"); err != nil {
		return answer{}, err
	}
	fn, err := s.functionOf(r)
	if err != nil {
		return answer{}, err
	}
	fn.recursion = req.RecursiveLoop
	return answer{http.StatusOK, *req}, nil
}

// runtimeUpdates says when a version's runtime is updated. Here it never is:
// functions run on what this machine has.
type runtimeUpdates struct {
	UpdateRuntimeOn   string
	RuntimeVersionArn string `json:"RuntimeVersionArn,omitempty"`
}

type runtimeUpdatesJSON struct {
	FunctionArn string
	runtimeUpdates
}

func (s *Server) getRuntimeUpdates(r *http.Request) (answer, *apiError) {
	fn, _, t, err := s.found(r)
	if err != nil {
		return answer{}, err
	}
	u := fn.updates[t.qualifierOrLatest()]
	u.UpdateRuntimeOn = orDefault(u.UpdateRuntimeOn, "Auto")
	return answer{http.StatusOK, runtimeUpdatesJSON{s.qualifiedARN(t), u}}, nil
}

func (s *Server) putRuntimeUpdates(r *http.Request, req *runtimeUpdates) (answer, *apiError) {
	if err := oneOf(req.UpdateRuntimeOn, "updateRuntimeOn", "Auto", "Manual", "FunctionUpdate"); err != nil {
		return answer{}, err
	}
	if (req.UpdateRuntimeOn == "Manual") != (req.RuntimeVersionArn != "") {
		return answer{}, invalidParameter("RuntimeVersionArn is required with the update mode Manual, and with no other.")
	}
	fn, _, t, err := s.found(r)
	if err != nil {
		return answer{}, err
	}
	setIn(&fn.updates, t.qualifierOrLatest(), *req)
	return answer{http.StatusOK, runtimeUpdatesJSON{s.qualifiedARN(t), *req}}, nil
}

func orDefault(v, d string) string {
	setDefault(&v, d)
	return v
}
