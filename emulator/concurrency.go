package emulator

import (
	"errors"
	"net/http"

	"coldbench/fleet"
)

type concurrencyJSON struct {
	ReservedConcurrentExecutions *int `json:"ReservedConcurrentExecutions,omitempty"`
}

// unqualified finds the function for an operation that has no versions.
func (s *Server) unqualified(r *http.Request) (*function, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return nil, err
	}
	fn := s.functions[t.name]
	if fn == nil {
		return nil, s.missing(target{name: t.name}, latestVersion)
	}
	if t.qualifier != "" {
		return nil, invalidParameter("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	}
	return fn, nil
}

func (s *Server) putConcurrency(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req concurrencyJSON
	if err := decode(w, r, maxOtherBody, "PutFunctionConcurrency", &req); err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, err := s.unqualified(r)
	if err != nil {
		return answer{}, err
	}
	n := req.ReservedConcurrentExecutions
	if n == nil || *n < 0 {
		return answer{}, violated("null", "reservedConcurrentExecutions", "Member must have value greater than or equal to 0")
	}
	if err := fn.fleet.Reserve(*n); err != nil {
		return answer{}, reserveError(err, *n, fn.fleet.Provisioned())
	}
	return answer{http.StatusOK, req}, nil
}

// reserveError words a refusal as the service does, odd spaces included.
func reserveError(err error, n, provisioned int) *apiError {
	var under *fleet.UnreservedError
	if errors.As(err, &under) {
		e := invalidParameter("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", under.Minimum)
		e.User = false
		return e
	}
	return invalidParameter(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%d].", n, provisioned)
}

func (s *Server) getConcurrency(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, err := s.unqualified(r)
	if err != nil {
		return answer{}, err
	}
	var body concurrencyJSON
	if n, ok := fn.fleet.Reserved(); ok {
		body.ReservedConcurrentExecutions = &n
	}
	return answer{http.StatusOK, body}, nil
}

func (s *Server) deleteConcurrency(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, err := s.unqualified(r)
	if err != nil {
		return answer{}, err
	}
	fn.fleet.Unreserve()
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) getAccountSettings(w http.ResponseWriter, _ *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body struct {
		AccountLimit struct {
			CodeSizeUnzipped               int64
			CodeSizeZipped                 int64
			ConcurrentExecutions           int
			TotalCodeSize                  int64
			UnreservedConcurrentExecutions int
		}
		AccountUsage struct {
			FunctionCount int
			TotalCodeSize int64
		}
	}
	l, u := &body.AccountLimit, &body.AccountUsage
	l.CodeSizeUnzipped, l.CodeSizeZipped, l.TotalCodeSize = 250<<20, maxZip, 75<<30
	l.ConcurrentExecutions, l.UnreservedConcurrentExecutions = s.account.Limits().Concurrency, s.account.Unreserved()
	u.FunctionCount = len(s.functions)
	for _, fn := range s.functions {
		u.TotalCodeSize += fn.latest.code.size
	}
	return answer{http.StatusOK, body}, nil
}
