package emulator

// Tenant isolation: the environments of a function with a TenancyConfig serve one
// tenant each. Sources: AWS Lambda developer guide, "Tenant isolation" and
// "Troubleshooting tenant isolation for Lambda functions".
//
// Each tenant has a part of each version: a version of the same code and
// configuration with environments of its own. It is there as long as it has any.

const perTenant = "PER_TENANT"

type tenancyJSON struct {
	TenantIsolationMode string `json:"TenantIsolationMode"`
}

// checkTenant refuses a request without the tenant that the function asks for,
// or with one that it does not. The first text was seen from the service; of the
// second only the kind is documented.
func (v *version) checkTenant(tenant string) *apiError {
	switch isolated := v.config.Tenancy != ""; {
	case isolated && tenant == "":
		return invalidParameter("The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.")
	case !isolated && tenant != "":
		return invalidParameter("The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.")
	}
	return nil
}

// applyTenancy takes the TenancyConfig of a new function, which can't change later.
func (c *config) applyTenancy(req *tenancyJSON) *apiError {
	if req == nil {
		return nil
	}
	c.Tenancy = req.TenantIsolationMode
	return oneOf(c.Tenancy, "tenancyConfig.tenantIsolationMode", perTenant)
}

// excludesTenancy refuses what an isolated function can't have. The wording is
// that of the service for function URLs.
func (c *config) excludesTenancy(what string) *apiError {
	if c.Tenancy == "" {
		return nil
	}
	return invalidParameter("%s is not supported for functions enabled with tenancy configuration", what)
}

// of is the part of an isolated version that serves a tenant, and the version
// itself if it is not isolated. The lock is held.
func (s *Server) of(v *version, tenant string) *version {
	if v.config.Tenancy == "" {
		return v
	}
	p := v.parts[tenant]
	if p == nil {
		p = s.newVersion(v.function, v.config, v.code)
		p.number, p.whole, p.tenant = v.number, v, tenant
		setIn(&v.parts, tenant, p)
	}
	return p
}

// forget drops a tenant's part without environments. The lock is held.
func (s *Server) forget(p *version) {
	delete(p.whole.parts, p.tenant)
	delete(s.versions, p)
	p.release()
}

// retireParts ends the environments of all tenants. The lock is held.
func (s *Server) retireParts(v *version) {
	for _, p := range v.parts {
		s.retire(p)
	}
	v.parts = nil
}
