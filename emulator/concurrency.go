package emulator

import (
	"errors"
	"net/http"

	"coldbench/fleet"
)

type concurrencyJSON struct {
	ReservedConcurrentExecutions *int `json:"ReservedConcurrentExecutions,omitempty"`
}

// unqualified finds the function for an operation that has no versions. Where
// there is none, the error names the given qualifier.
func (s *Server) unqualified(r *http.Request, defaultQualifier string) (*function, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return nil, err
	}
	fn := s.functions[t.name]
	if fn == nil {
		return nil, s.missing(target{name: t.name}, defaultQualifier)
	}
	if t.qualifier != "" {
		return nil, invalidParameter("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	}
	return fn, nil
}

func (s *Server) putConcurrency(r *http.Request, req *concurrencyJSON) (answer, *apiError) {
	fn, err := s.unqualified(r, latestVersion)
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
	return answer{http.StatusOK, *req}, nil
}

// reserveError words a refusal as the service does, odd spaces included.
func reserveError(err error, n, provisioned int) *apiError {
	var under *fleet.UnreservedError
	if errors.As(err, &under) {
		e := invalidParameter("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", under.Minimum)
		e.User = false
		return e
	}
	e := invalidParameter(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%d].", n, provisioned)
	e.User = false
	return e
}

func (s *Server) getConcurrency(r *http.Request) (answer, *apiError) {
	fn, err := s.unqualified(r, "")
	if err != nil {
		return answer{}, err
	}
	var body concurrencyJSON
	if n, ok := fn.fleet.Reserved(); ok {
		body.ReservedConcurrentExecutions = &n
	}
	return answer{http.StatusOK, body}, nil
}

func (s *Server) deleteConcurrency(r *http.Request) (answer, *apiError) {
	fn, err := s.unqualified(r, latestVersion)
	if err != nil {
		return answer{}, err
	}
	fn.fleet.Unreserve()
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) getAccountSettings(*http.Request) (answer, *apiError) {
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
	u.FunctionCount, u.TotalCodeSize = len(s.functions), s.codeSize()
	return answer{http.StatusOK, body}, nil
}

// codeSize is the sum of all packages as AWS counts it: each published version
// counts, though its code be that of another, and each version of a layer.
func (s *Server) codeSize() (n int64) {
	for _, fn := range s.functions {
		n += fn.latest.code.size
		for _, v := range fn.published {
			n += v.code.size
		}
	}
	for _, l := range s.layers {
		for _, v := range l.versions {
			n += v.code.size
		}
	}
	return n
}
