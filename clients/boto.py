"""boto3 against the emulator. In: ENDPOINT, ZIP, NAME."""
import base64, os, threading, time, urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, name, group = os.environ["ENDPOINT"], os.environ["NAME"], "/aws/lambda/" + os.environ["NAME"]
access = dict(endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
lam = boto3.client("lambda", config=Config(retries={"max_attempts": 0}), **access)
logs = boto3.client("logs", **access)


def same(got, want, what):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def invoke(payload, **more):
    out = lam.invoke(FunctionName=name, Payload=payload, **more)
    return out, out["Payload"].read().decode()


with open(os.environ["ZIP"], "rb") as f:
    made = lam.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role="arn:aws:iam::123456789012:role/any",
        MemorySize=512, Timeout=60, Code={"ZipFile": f.read()})
same(made["ResponseMetadata"]["HTTPStatusCode"], 201, "create_function")
lam.get_waiter("function_active_v2").wait(FunctionName=name)
same(lam.get_function(FunctionName=name)["Configuration"]["State"], "Active", "get_function")

out, text = invoke(b'{"name":"boto"}', LogType="Tail")
same(text, '{"hello":"boto"}', "invoke")
assert b"REPORT RequestId" in base64.b64decode(out["LogResult"]), "tail of the log"
out, text = invoke(b'{"fail":true}')
same((out["FunctionError"], "told to fail" in text), ("Unhandled", True), "invoke with an error")

if hasattr(lam, "invoke_with_response_stream"):
    events = list(lam.invoke_with_response_stream(FunctionName=name, Payload=b'{"stream":3}', LogType="Tail")["EventStream"])
    same(b"".join(e["PayloadChunk"]["Payload"] for e in events if "PayloadChunk" in e), b"part 0;part 1;part 2;", "response stream")
    assert "LogResult" in events[-1]["InvokeComplete"] and "ErrorCode" not in events[-1]["InvokeComplete"], events[-1]
else:
    print("skipped: invoke_with_response_stream, which boto3", boto3.__version__, "does not have")

same(lam.publish_version(FunctionName=name)["Version"], "1", "publish_version")
lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
same(invoke(b'{"name":"boto"}', Qualifier="live")[0]["ExecutedVersion"], "1", "invoke of an alias")

lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
try:
    invoke(b"{}")
    raise AssertionError("invoke with a concurrency of 0 succeeds")
except lam.exceptions.TooManyRequestsException as e:
    same(e.response["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded", "throttle")
lam.delete_function_concurrency(FunctionName=name)

url = lam.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
same(urllib.request.urlopen(url, timeout=60).read(), b'{"hello":""}', "function URL")
lam.delete_function_url_config(FunctionName=name)

streams = [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group)["logStreams"]]
messages = [e["message"] for s in streams for e in logs.get_log_events(logGroupName=group, logStreamName=s, startFromHead=True)["events"]]
assert 'greeting "boto"\n' in messages, messages


def found(pattern):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=pattern, PaginationConfig={"PageSize": 2})
    return [e for page in pages for e in page["events"]]


# A reply may be here before the REPORT of its invocation is written.
reports = found("REPORT")
while len(reports) < len(found('"START RequestId"')):
    reports = found("REPORT")
try:
    logs.filter_log_events(logGroupName=group, filterPattern="a:b")
    raise AssertionError("a bad filter pattern is accepted")
except ClientError as e:
    same(e.response["Error"], {"Code": "InvalidParameterException", "Message": "Invalid character(s) in term ':'"}, "filter pattern")
query = logs.start_query(
    logGroupName=group, startTime=0, endTime=4102444800, queryString='filter @type = "REPORT" | stats count(*) as n')["queryId"]
while (found := logs.get_query_results(queryId=query))["status"] in ("Scheduled", "Running"):
    time.sleep(0.1)
same(found["results"], [[{"field": "n", "value": str(len(reports))}]], "Insights query")

if hasattr(logs, "start_live_tail"):
    # The client would put "stream-" before the host, which an address can't have.
    tail = boto3.client("logs", config=Config(inject_host_prefix=False), **access)
    session = tail.start_live_tail(logGroupIdentifiers=["arn:aws:logs:us-east-1:123456789012:log-group:" + group])["responseStream"]
    seen = []
    for event in session:
        if "sessionStart" in event:
            threading.Thread(target=invoke, args=(b'{"name":"live"}',)).start()
        seen += [r["message"] for r in event.get("sessionUpdate", {}).get("sessionResults", [])]
        if 'greeting "live"\n' in seen:
            break
    session.close()
else:
    print("skipped: start_live_tail, which boto3", boto3.__version__, "does not have")

lam.delete_function(FunctionName=name)
try:
    lam.get_function(FunctionName=name)
    raise AssertionError("the function is still there")
except lam.exceptions.ResourceNotFoundException:
    pass
