package emulator

import "net/http"

// routes binds the Lambda API's operations to their paths (the service model
// "2015-03-31" and later ones, each with its own date). Most run under the
// server's lock; those that read, unpack or pull something take it themselves.
func (s *Server) routes() {
	mux := http.NewServeMux()
	for pattern, op := range s.functionRoutes() {
		mux.Handle(pattern, s.keeping(op))
	}
	for pattern, op := range s.settingRoutes() {
		mux.Handle(pattern, s.keeping(op))
	}
	for pattern, op := range s.layerRoutes() {
		mux.Handle(pattern, s.keeping(op))
	}
	mux.HandleFunc("GET "+codePrefix+"{id}", s.serveCode)
	mux.Handle("POST /2015-03-31/functions/{name}/invocations", invocationOp(s.invoke))
	mux.Handle("POST /2021-11-15/functions/{name}/response-streaming-invocations", invocationOp(s.invokeStream))
	mux.Handle(urlPrefix+"{id}/", invocationOp(s.serveURL))
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.Handle("/", operation(unknownOperation))
	s.api = mux
}

// functionRoutes are functions with their versions and aliases.
func (s *Server) functionRoutes() map[string]operation {
	const functions = "/2015-03-31/functions"
	const one = functions + "/{name}"
	return map[string]operation{
		"POST " + functions:                  s.createFunction,
		"POST " + functions + "/{$}":         s.createFunction,
		"GET " + functions:                   s.locked(s.listFunctions),
		"GET " + functions + "/{$}":          s.locked(s.listFunctions),
		"GET " + one:                         s.locked(s.getFunction),
		"DELETE " + one:                      s.locked(s.deleteFunction),
		"GET " + one + "/configuration":      s.locked(s.getConfiguration),
		"PUT " + one + "/configuration":      s.updateConfiguration,
		"PUT " + one + "/code":               s.updateCode,
		"GET " + ImagePrefix + "{name}":      s.getImage,
		"POST " + one + "/versions":          lockedReading(s, "PublishVersion", s.publishVersion),
		"GET " + one + "/versions":           s.locked(s.listVersions),
		"POST " + one + "/aliases":           lockedReading(s, "CreateAlias", s.createAlias),
		"GET " + one + "/aliases":            s.locked(s.listAliases),
		"GET " + one + "/aliases/{alias}":    s.locked(s.getAlias),
		"PUT " + one + "/aliases/{alias}":    lockedReading(s, "UpdateAlias", s.updateAlias),
		"DELETE " + one + "/aliases/{alias}": s.locked(s.deleteAlias),
		"POST " + one + "/policy":            lockedReading(s, "AddPermission", s.addPermission),
		"GET " + one + "/policy":             s.locked(s.getPolicy),
		"DELETE " + one + "/policy/{sid}":    s.locked(s.removePermission),
	}
}

// settingRoutes are what is set for a function beside its configuration.
func (s *Server) settingRoutes() map[string]operation {
	const (
		concurrency = "/functions/{name}/concurrency"
		provisioned = "/2019-09-30/functions/{name}/provisioned-concurrency"
		tags        = "/2017-03-31/tags/{arn}"
		events      = "/2019-09-25/functions/{name}/event-invoke-config"
		url         = "/2021-10-31/functions/{name}/url"
		signing     = "/2020-06-30/functions/{name}/code-signing-config"
		recursion   = "/2024-08-31/functions/{name}/recursion-config"
		updates     = "/2021-07-20/functions/{name}/runtime-management-config"
	)
	return map[string]operation{
		"GET /2016-08-19/account-settings":     s.locked(s.getAccountSettings),
		"GET /2016-08-19/account-settings/{$}": s.locked(s.getAccountSettings),
		"PUT /2017-10-31" + concurrency:        lockedReading(s, "PutFunctionConcurrency", s.putConcurrency),
		"DELETE /2017-10-31" + concurrency:     s.locked(s.deleteConcurrency),
		"GET /2019-09-30" + concurrency:        s.locked(s.getConcurrency),
		"PUT " + provisioned:                   lockedReading(s, "PutProvisionedConcurrencyConfig", s.putProvisioned),
		"GET " + provisioned:                   s.locked(s.getProvisioned),
		"DELETE " + provisioned:                s.locked(s.deleteProvisioned),
		"GET " + tags:                          s.locked(s.listTags),
		"POST " + tags:                         lockedReading(s, "TagResource", s.tagResource),
		"DELETE " + tags:                       s.locked(s.untagResource),
		"PUT " + events:                        lockedReading(s, "PutFunctionEventInvokeConfig", s.putEventConfig),
		"POST " + events:                       lockedReading(s, "UpdateFunctionEventInvokeConfig", s.updateEventConfig),
		"GET " + events:                        s.locked(s.getEventConfig),
		"DELETE " + events:                     s.locked(s.deleteEventConfig),
		"GET " + events + "/list":              s.locked(s.listEventConfigs),
		"POST " + url:                          lockedReading(s, "CreateFunctionUrlConfig", s.createURL),
		"GET " + url:                           s.locked(s.getURL),
		"PUT " + url:                           lockedReading(s, "UpdateFunctionUrlConfig", s.updateURL),
		"DELETE " + url:                        s.locked(s.deleteURL),
		"GET " + url + "s":                     s.locked(s.listURLs),
		"GET " + signing:                       s.locked(s.getCodeSigning),
		"DELETE " + signing:                    s.locked(s.deleteCodeSigning),
		"GET " + recursion:                     s.locked(s.getRecursion),
		"PUT " + recursion:                     lockedReading(s, "PutFunctionRecursionConfig", s.putRecursion),
		"GET " + updates:                       s.locked(s.getRuntimeUpdates),
		"PUT " + updates:                       lockedReading(s, "PutRuntimeManagementConfig", s.putRuntimeUpdates),
	}
}

func unknownOperation(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	return answer{}, &apiError{Status: 404, Kind: "UnknownOperationException", Text: "The emulator has no operation " + r.Method + " " + r.URL.Path}
}
