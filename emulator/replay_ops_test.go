package emulator

// replayOperations are the operations of the Lambda API as its model binds
// them: method, path with the members that stand in it, members of the query.
// All other members make the body.
var replayOperations = map[string]string{
	"CreateFunction":                     "POST /2015-03-31/functions",
	"ListFunctions":                      "GET /2015-03-31/functions?FunctionVersion&Marker&MaxItems",
	"GetFunction":                        "GET /2015-03-31/functions/{FunctionName}?Qualifier",
	"DeleteFunction":                     "DELETE /2015-03-31/functions/{FunctionName}?Qualifier",
	"GetFunctionConfiguration":           "GET /2015-03-31/functions/{FunctionName}/configuration?Qualifier",
	"UpdateFunctionConfiguration":        "PUT /2015-03-31/functions/{FunctionName}/configuration",
	"UpdateFunctionCode":                 "PUT /2015-03-31/functions/{FunctionName}/code",
	"Invoke":                             "POST /2015-03-31/functions/{FunctionName}/invocations?Qualifier",
	"PublishVersion":                     "POST /2015-03-31/functions/{FunctionName}/versions",
	"ListVersionsByFunction":             "GET /2015-03-31/functions/{FunctionName}/versions?Marker&MaxItems",
	"CreateAlias":                        "POST /2015-03-31/functions/{FunctionName}/aliases",
	"ListAliases":                        "GET /2015-03-31/functions/{FunctionName}/aliases?FunctionVersion&Marker&MaxItems",
	"GetAlias":                           "GET /2015-03-31/functions/{FunctionName}/aliases/{Name}",
	"UpdateAlias":                        "PUT /2015-03-31/functions/{FunctionName}/aliases/{Name}",
	"DeleteAlias":                        "DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name}",
	"PutFunctionConcurrency":             "PUT /2017-10-31/functions/{FunctionName}/concurrency",
	"DeleteFunctionConcurrency":          "DELETE /2017-10-31/functions/{FunctionName}/concurrency",
	"GetFunctionConcurrency":             "GET /2019-09-30/functions/{FunctionName}/concurrency",
	"GetAccountSettings":                 "GET /2016-08-19/account-settings",
	"PutProvisionedConcurrencyConfig":    "PUT /2019-09-30/functions/{FunctionName}/provisioned-concurrency?Qualifier",
	"GetProvisionedConcurrencyConfig":    "GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency?Qualifier",
	"DeleteProvisionedConcurrencyConfig": "DELETE /2019-09-30/functions/{FunctionName}/provisioned-concurrency?Qualifier",
	"ListProvisionedConcurrencyConfigs":  "GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL&Marker&MaxItems",
	"ListTags":                           "GET /2017-03-31/tags/{Resource}",
	"TagResource":                        "POST /2017-03-31/tags/{Resource}",
	"UntagResource":                      "DELETE /2017-03-31/tags/{Resource}?tagKeys",
	"PutFunctionEventInvokeConfig":       "PUT /2019-09-25/functions/{FunctionName}/event-invoke-config?Qualifier",
	"UpdateFunctionEventInvokeConfig":    "POST /2019-09-25/functions/{FunctionName}/event-invoke-config?Qualifier",
	"GetFunctionEventInvokeConfig":       "GET /2019-09-25/functions/{FunctionName}/event-invoke-config?Qualifier",
	"DeleteFunctionEventInvokeConfig":    "DELETE /2019-09-25/functions/{FunctionName}/event-invoke-config?Qualifier",
	"ListFunctionEventInvokeConfigs":     "GET /2019-09-25/functions/{FunctionName}/event-invoke-config/list?Marker&MaxItems",
	"CreateFunctionUrlConfig":            "POST /2021-10-31/functions/{FunctionName}/url?Qualifier",
	"GetFunctionUrlConfig":               "GET /2021-10-31/functions/{FunctionName}/url?Qualifier",
	"UpdateFunctionUrlConfig":            "PUT /2021-10-31/functions/{FunctionName}/url?Qualifier",
	"DeleteFunctionUrlConfig":            "DELETE /2021-10-31/functions/{FunctionName}/url?Qualifier",
	"ListFunctionUrlConfigs":             "GET /2021-10-31/functions/{FunctionName}/urls?Marker&MaxItems",
	"AddPermission":                      "POST /2015-03-31/functions/{FunctionName}/policy?Qualifier",
	"GetPolicy":                          "GET /2015-03-31/functions/{FunctionName}/policy?Qualifier",
	"RemovePermission":                   "DELETE /2015-03-31/functions/{FunctionName}/policy/{StatementId}?Qualifier&RevisionId",
	"GetFunctionCodeSigningConfig":       "GET /2020-06-30/functions/{FunctionName}/code-signing-config",
	"DeleteFunctionCodeSigningConfig":    "DELETE /2020-06-30/functions/{FunctionName}/code-signing-config",
	"GetFunctionRecursionConfig":         "GET /2024-08-31/functions/{FunctionName}/recursion-config",
	"PutFunctionRecursionConfig":         "PUT /2024-08-31/functions/{FunctionName}/recursion-config",
	"GetRuntimeManagementConfig":         "GET /2021-07-20/functions/{FunctionName}/runtime-management-config?Qualifier",
	"PutRuntimeManagementConfig":         "PUT /2021-07-20/functions/{FunctionName}/runtime-management-config?Qualifier",
	"PublishLayerVersion":                "POST /2018-10-31/layers/{LayerName}/versions",
	"ListLayers":                         "GET /2018-10-31/layers?CompatibleRuntime&CompatibleArchitecture&Marker&MaxItems",
	"GetLayerVersionByArn":               "GET /2018-10-31/layers?find=LayerVersion&Arn",
	"ListLayerVersions":                  "GET /2018-10-31/layers/{LayerName}/versions?CompatibleRuntime&CompatibleArchitecture&Marker&MaxItems",
	"GetLayerVersion":                    "GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}",
	"DeleteLayerVersion":                 "DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}",
	"AddLayerVersionPermission":          "POST /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy?RevisionId",
	"GetLayerVersionPolicy":              "GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy",
	"RemoveLayerVersionPermission":       "DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}?RevisionId",
}

// unmodelled errors have no shape in the service model, so that a client shows
// their code and text only.
var unmodelled = map[string]bool{
	"ValidationException": true, "RequestEntityTooLargeException": true, "AccessDeniedException": true,
	"SerializationException": true, "UnknownOperationException": true,
}

// invokeHeaders are the members of Invoke that travel as headers.
var invokeHeaders = map[string]string{
	"InvocationType": "X-Amz-Invocation-Type", "LogType": "X-Amz-Log-Type", "ClientContext": "X-Amz-Client-Context",
}
