import json


def handler(event, context):
    """Answers a request to a function URL with what came, but for what AWS adds to it."""
    http, body = event["requestContext"]["http"], event.get("body", "")
    if event["headers"].get("content-type") == "application/json":
        body = json.loads(body)
    return {
        "args": event.get("queryStringParameters", {}), "data": body, "domain": event["requestContext"]["domainName"],
        "headers": {k: v for k, v in event["headers"].items() if not k.startswith("x-")},
        "method": http["method"], "origin": http["sourceIp"], "path": http["path"],
    }
