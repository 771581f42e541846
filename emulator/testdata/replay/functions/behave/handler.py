import logging
import time

logging.getLogger().setLevel(logging.INFO)
calls = 0


def handler(event, context):
    print("Lambda log message - print function")
    logging.info("Lambda log message - logging module")
    names = ["invoked_function_arn", "function_version", "function_name", "memory_limit_in_mb", "aws_request_id",
             "log_group_name", "log_stream_name", "client_context"]
    return {"event": event, "context": {n: getattr(context, n) for n in names}}


def echo(event, context):
    return event


def show(event, context):
    print(event)
    return event


def count(event, context):
    global calls
    calls += 1
    return {"counter": calls - 1}


def sleep(event, context):
    time.sleep(event["wait"])


def nothing(event, context):
    return None


def request_id(event, context):
    logging.info("RequestId log message")
    return context.aws_request_id


def given(event, context):
    """Answers with what the request's body says, as JSON."""
    import json
    return json.loads(event["body"])


def leave(event, context):
    import os
    os._exit(0)


def handler_two(event, context):
    return {"handler": "handler_two"}


def handler_one(event, context):
    return {"handler": "handler"}


def big(event, context):
    return "x" * 6291556
