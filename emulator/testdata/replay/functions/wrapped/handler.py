import os


def handler(event, context):
    return {"environment": {k: v for k, v in os.environ.items() if k == "WRAPPED"}}
