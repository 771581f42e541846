"""The Python runtime of the built-in Lambda: it imports the handler, asks the
Runtime API for invocations and answers them, one at a time.

Protocol: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
Handler forms, context and log lines: .../dg/python-handler.html,
python-context.html, python-logging.html, python-exceptions.html

Only what every invocation needs is imported here: the time that this file
takes is part of every init duration. That is why it speaks HTTP on a socket of
its own (http.client imports the email package) and why logging is only set up
once the function has imported it.
"""

import json
import os
import socket
import sys
import time

API = "/2018-06-01/runtime"


class RuntimeApi:
    """One keep-alive connection to the Runtime API."""

    def __init__(self, address):
        self.address = address
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host or address, int(port or 80)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", buffering=65536)

    def call(self, method, target, body=b"", headers=()):
        """Makes one request; returns (status, headers with lower-case names, body)."""
        lines = ["%s %s%s HTTP/1.1" % (method, API, target), "Host: " + self.address, "User-Agent: coldbench-python"]
        lines += ["%s: %s" % header for header in headers]
        if method != "GET":
            lines.append("Content-Length: %d" % len(body))
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode("latin-1", "replace") + body)
        return self._response()

    def _response(self):
        status = self.reader.readline()
        if not status:
            raise ConnectionError("the Runtime API has closed the connection")
        code = int(status.split(None, 2)[1])
        headers = {}
        while True:
            line = self.reader.readline().decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if code == 100:  # an interim answer
            return self._response()
        return code, headers, self._body(headers)

    def _body(self, headers):
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.reader.read(int(headers.get("content-length", 0)))
        chunks = []
        while True:
            size = int(self.reader.readline().split(b";")[0], 16)
            if size == 0:
                break
            chunks.append(self.reader.read(size))
            self.reader.readline()
        while self.reader.readline().strip():
            pass  # trailers
        return b"".join(chunks)


# ---- errors


class Fault(Exception):
    """A fault that the runtime itself names, such as Runtime.HandlerNotFound."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = list(trace)


def describe(error, request_id):
    """The error as the Runtime API takes it."""
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        kind, message, trace = type(error).__name__, str(error), stack(error)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def stack(error):
    """The traceback without the frames of this file and of the import system."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = (__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
    start = 0
    while start < len(frames) and (frames[start].filename in own or "/importlib/" in frames[start].filename):
        start += 1
    return traceback.format_list(frames[start:])


def log_error(record):
    """Prints an error as one log event: carriage returns part its lines, and
    their indentation is of no-break spaces, which a log viewer keeps."""
    if json_logs():
        record = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), "level": "ERROR", **record}
        print(encode(record), flush=True)
        return
    lines = ["[ERROR] %s: %s" % (record["errorType"], record["errorMessage"]), "Traceback (most recent call last):"]
    for entry in record["stackTrace"]:
        for line in entry.rstrip("\n").split("\n"):
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    sys.stdout.buffer.write("\r".join("\r".join(lines).split("\n")).encode("utf-8", "replace") + b"\n")
    sys.stdout.flush()


def json_logs():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


# ---- answers as JSON

# From Python 3.12 on characters stand as they are; before, they are escaped.
ASCII = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python3.")[2] in ("8", "9", "10", "11")


class Encoder(json.JSONEncoder):
    """Writes a Decimal as a number of all its digits. The encoder knows no way
    to do that, so it is marked, and encode takes marks and quotes away."""

    def default(self, value):
        decimal = sys.modules.get("decimal")
        if decimal is None or not isinstance(value, decimal.Decimal):
            return super().default(value)
        if value.is_nan():
            return float("nan")
        self.numbers = True
        return MARK + str(value) + MARK


MARK = "\ue000decimal\ue001"  # private characters, escaped or not, around what loses its quotes


def encode(value):
    encoder = Encoder(ensure_ascii=ASCII)
    text = encoder.encode(value)
    if getattr(encoder, "numbers", False):
        quoted = json.dumps(MARK, ensure_ascii=ASCII)[1:-1]
        text = text.replace('"' + quoted, "").replace(quoted + '"', "")
    return text


# ---- logging

current_request_id = None
current_tenant_id = None


def set_up_logging():
    """Gives the root logger Lambda's handler and format, if the function uses
    logging at all and has not configured it itself."""
    logging = sys.modules.get("logging")
    if logging is None or set_up_logging.done:
        return
    set_up_logging.done = True

    class WithRequestId(logging.Filter):
        def filter(self, record):
            record.aws_request_id = current_request_id or ""
            return True

    own = set(vars(logging.makeLogRecord({}))) | {"aws_request_id", "taskName", "message"}

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            import traceback

            kind, error, trace = record.exc_info or (None, None, None)
            seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            fields = {
                "timestamp": "%s.%03dZ" % (seconds, record.msecs),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
                "stackTrace": kind and traceback.format_tb(trace),
                "errorType": kind and kind.__name__,
                "errorMessage": kind and str(error),
                "requestId": record.aws_request_id,
                "location": kind and "%s:%s:%s" % (record.pathname, record.funcName, record.lineno),
                "tenantId": current_tenant_id,
            }
            fields.update((k, v) for k, v in vars(record).items() if k not in own and k not in fields)
            return json.dumps({k: v for k, v in fields.items() if v is not None}, ensure_ascii=False)

    text = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    text.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if json_logs() else text)
    handler.addFilter(WithRequestId())
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level:
        root.setLevel({"TRACE": "DEBUG"}.get(level, level))


set_up_logging.done = False


class LoggingWatcher:
    """Sees the first import of logging by the function's code and has the
    handler in place when that import is complete."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            set_up_logging()

        spec.loader.exec_module = exec_module
        return spec


# ---- context


class Identity:
    def __init__(self, fields):
        self.cognito_identity_id = fields.get("cognitoIdentityId")
        self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")


class Client:
    def __init__(self, fields):
        self.installation_id = fields.get("installation_id")
        self.app_title = fields.get("app_title")
        self.app_version_name = fields.get("app_version_name")
        self.app_version_code = fields.get("app_version_code")
        self.app_package_name = fields.get("app_package_name")


class ClientContext:
    def __init__(self, fields):
        self.client = None if fields.get("client") is None else Client(fields["client"])
        self.custom = fields.get("custom")
        self.env = fields.get("env")


class Context:
    """What the handler is told of its invocation."""

    def __init__(self, headers):
        env = os.environ.get
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        client = headers.get("lambda-runtime-client-context")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self.identity = Identity(json.loads(headers.get("lambda-runtime-cognito-identity") or "{}"))
        self._deadline = int(headers.get("lambda-runtime-deadline-ms") or 0)

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


# ---- the handler


def load_handler(text):
    """Finds "module.function" or "folder/module.function"."""
    module_name, dot, function_name = text.rpartition(".")
    if not dot or not module_name or not function_name:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': want module.function" % text)
    dotted = module_name.replace("/", ".")
    if dotted.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name)
    import importlib

    try:
        module = importlib.import_module(dotted)
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        place = '  File "%s" Line %s\n    %s' % (error.filename, error.lineno, (error.text or "").strip())
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), [place])
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def answer(handler, headers, body):
    """Runs the handler; returns the bytes of its answer and their type."""
    try:
        event = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)
    result = handler(event, Context(headers))
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return encode(result).encode("utf-8"), "application/json"
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)


def post_error(api, target, record, kind=None):
    body = encode(record).encode("utf-8")
    kind = kind or record["errorType"]
    api.call("POST", target, body, [("Content-Type", "application/json"), ("Lambda-Runtime-Function-Error-Type", kind)])


def invoke(api, handler, headers, body):
    global current_request_id, current_tenant_id
    current_request_id = request_id = headers["lambda-runtime-aws-request-id"]
    current_tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace = headers.get("lambda-runtime-trace-id")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        reply, kind = answer(handler, headers, body)
    except Exception as error:  # what the handler threw is its answer
        record = describe(error, request_id)
        log_error(record)
        post_error(api, "/invocation/%s/error" % request_id, record)
        return
    api.call("POST", "/invocation/%s/response" % request_id, reply, [("Content-Type", kind)])


def wait_for_restore(api):
    """Runs the hooks of SnapStart around the snapshot, if there is to be one."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    hooks = sys.modules.get("snapshot_restore_py")  # else the function has none
    before, after = (hooks.get_before_snapshot(), hooks.get_after_restore()) if hooks else ([], [])
    try:
        for func, args, kwargs in reversed(before):
            func(*args, **kwargs)
    except Exception as error:
        fail(api, "/init/error", error, 64, "Runtime.BeforeSnapshotError")
    try:
        status, _, _ = api.call("GET", "/restore/next")
    except OSError:
        status = 500
    if status >= 300:
        sys.exit(1)  # the environment is over: nothing is restored
    try:
        for func, args, kwargs in after:
            func(*args, **kwargs)
    except Exception as error:
        fail(api, "/restore/error", error, 65, "Runtime.AfterRestoreError")


def fail(api, target, error, status, kind=None):
    """Ends the process with an error that is no invocation's."""
    record = describe(error, "")
    log_error(record)
    post_error(api, target, record, kind)
    sys.exit(status)


def main():
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    root = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    own, sys.path[0] = sys.path[0], root
    if own not in sys.path:
        sys.path.append(own)  # for snapshot_restore_py
    sys.meta_path.insert(0, LoggingWatcher())
    set_up_logging()
    try:
        handler = load_handler(os.environ.get("_HANDLER", ""))
    except Exception as error:
        fail(api, "/init/error", error, 1)
    wait_for_restore(api)
    while True:
        try:
            _, headers, body = api.call("GET", "/invocation/next")
        except OSError:
            sys.exit(1)  # the Runtime API is gone, and so is the reason to be
        invoke(api, handler, headers, body)


if __name__ == "__main__":
    main()
