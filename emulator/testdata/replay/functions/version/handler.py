def handler(event, context):
    return {"function_version": context.function_version, "memory_limit": context.memory_limit_in_mb}
