def handler(event, context):
    raise Exception("Failed: " + event["error_msg"])
