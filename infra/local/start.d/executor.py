"""Run functions as processes beside LocalStack instead of containers.

On the host's network LocalStack cannot start containers, and on any other one functions cannot
reach the sandbox, which listens on loopback only. Each process gets Lambda's runtime API at an
address of its own. LocalStack runs this file in its own process before it starts a service.
"""

import json
import logging
import os
import queue
import subprocess
import threading
import time
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import DockerRuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

LOG = logging.getLogger("localstack.prolight.executor")
RUNTIME_API = "/2018-06-01/runtime"
LOOPBACK = "127.0.0.1"
INIT_WITHIN_S = 60
LOG_LINES_MAX = 2000
LAST_LINES_WITHIN_S = 0.003
"""The last log lines and the answer come through different pipes, so the lines may be later."""


class RuntimeApi(BaseHTTPRequestHandler):
    """Lambda's runtime API: a function asks for its next event and posts its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """Answers with the next event once there is one."""
        if self.path != f"{RUNTIME_API}/invocation/next":
            self.answer(404)
            return
        event = self.server.executor.next_event()
        if event is None:
            self.close_connection = True
            return
        payload, deadline_ms = event
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
            "Lambda-Runtime-Trace-Id": payload["trace-id"],
        }
        self.answer(200, payload["payload"].encode(), headers)

    def do_POST(self) -> None:
        """Takes the answer to an event, or the failure of the start."""
        executor, body = self.server.executor, self.body()
        invocation = f"{RUNTIME_API}/invocation/"
        if self.path == f"{RUNTIME_API}/init/error":
            executor.start_failed(body)
        elif self.path.startswith(invocation):
            request_id, _, what = self.path.removeprefix(invocation).partition("/")
            executor.answered(request_id, body, is_error=what != "response")
        else:
            self.answer(404)
            return
        self.answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def body(self) -> bytes:
        """The whole body of a request, which may come in chunks."""
        if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Sends a response."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Writes no line for each request."""


class RuntimeServer(ThreadingHTTPServer):
    """The runtime API of one process."""

    daemon_threads = True

    def __init__(self, executor: "ProcessExecutor") -> None:
        """Listens on a free port of loopback."""
        super().__init__((LOOPBACK, 0), RuntimeApi)
        self.executor = executor

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores connections that end with their process."""


class ProcessExecutor(RuntimeExecutor):
    """One environment of a function: a process, which is started again if it has ended."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        """Starts nothing yet."""
        super().__init__(id=id, function_version=function_version)
        self.events: queue.Queue[tuple[dict[str, str], int] | None] = queue.Queue()
        self.started: Future[bool] = Future()
        self.pending: tuple[str, Future[tuple[bytes, bool]]] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.server: RuntimeServer | None = None
        self.lines: list[str] = []
        self.lines_of_event: list[str] = []
        self.variables: dict[str, str] = {}

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the process and waits until it asks for its first event."""
        self.server = RuntimeServer(self)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        code = str(self.function_version.config.code.get_unzipped_code_location())
        self.variables = {name: str(value) for name, value in env_vars.items()} | {
            "PATH": os.defpath,
            "AWS_LAMBDA_RUNTIME_API": f"{LOOPBACK}:{self.server.server_port}",
            "LAMBDA_TASK_ROOT": code,
            "TZ": "UTC",
        }
        self.spawn()

    def spawn(self) -> None:
        """Starts the process. It is of LocalStack's group, so that it ends with LocalStack."""
        code = self.variables["LAMBDA_TASK_ROOT"]
        self.events.put(None)  # ends the request of the process before
        self.events = queue.Queue()
        self.started = Future()
        self.process = subprocess.Popen(
            [f"{code}/bootstrap"],
            cwd=code,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self.follow, args=(self.process,), daemon=True).start()
        self.started.result(timeout=INIT_WITHIN_S)

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        """Reads what a process writes until it ends; an end is the answer to an open event."""
        for line in process.stdout or ():
            text = line.decode(errors="replace")
            self.lines_of_event.append(text)
            self.lines.append(text)
            del self.lines[:-LOG_LINES_MAX]
        status = process.wait()
        if process is not self.process:
            return
        error = failure("Runtime.ExitError", f"Runtime exited: status {status}")
        self.start_failed(error)
        if pending := self.pending:
            self.answered(pending[0], error, is_error=True)

    def next_event(self) -> tuple[dict[str, str], int] | None:
        """The next event with its deadline in milliseconds; none if the process shall end."""
        if not self.started.done():
            self.started.set_result(True)
        return self.events.get()

    def start_failed(self, error: bytes) -> None:
        """Ends the start with an error, unless it has ended already."""
        if not self.started.done():
            self.started.set_exception(StatusErrorException("start failed", payload=error))

    def answered(self, request_id: str, body: bytes, is_error: bool) -> None:
        """Takes the answer to an event, unless its caller has stopped waiting."""
        pending = self.pending
        if pending and pending[0] == request_id and not pending[1].done():
            pending[1].set_result((body, is_error))

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Gives the process an event and waits for the answer, as long as the function may run."""
        if self.process is None or self.process.poll() is not None:
            self.spawn()
        request_id = payload["invoke-id"]
        timeout_s = int(self.function_version.config.timeout)
        answer: Future[tuple[bytes, bool]] = Future()
        self.lines_of_event = []
        self.pending = (request_id, answer)
        began = time.time()
        self.events.put((payload, int((began + timeout_s) * 1000)))
        try:
            body, is_error = answer.result(timeout=timeout_s)
        except TimeoutError:
            late = f"RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds"
            body, is_error = failure("Sandbox.Timedout", late), True
            self.kill()
        self.pending = None
        time.sleep(LAST_LINES_WITHIN_S)
        logs = self.report(request_id, (time.time() - began) * 1000)
        if is_error:
            name = self.function_version.id.function_name
            LOG.warning("%s answered with an error: %s\n%s", name, body, logs)
        return InvocationResult(request_id, body, is_error=is_error, logs=logs)

    def report(self, request_id: str, duration_ms: float) -> str:
        """The log of an event between the lines that Lambda puts around it."""
        version = self.function_version.id.qualifier
        return (
            f"START RequestId: {request_id} Version: {version}\n"
            + "".join(self.lines_of_event)
            + f"END RequestId: {request_id}\n"
            + f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\n"
        )

    def kill(self) -> None:
        """Ends the process."""
        if self.process:
            self.process.kill()
            self.process.wait(5)

    def stop(self) -> None:
        """Ends the process and its runtime API."""
        self.kill()
        self.events.put(None)
        if self.server:
            threading.Thread(target=self.server.shutdown, daemon=True).start()
            self.server.server_close()

    def get_address(self) -> str:
        """Where the process runs."""
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        """Where the process finds LocalStack."""
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        """Where LocalStack would expect the answers of a container."""
        port = config.GATEWAY_LISTEN[0].port
        return f"http://{LOOPBACK}:{port}/_localstack_lambda/{self.id}"

    def get_logs(self) -> str:
        """The last lines that the process wrote."""
        return "".join(self.lines)

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the archive."""
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """LocalStack deletes what it unpacked."""


def failure(kind: str, message: str) -> bytes:
    """The answer of an invocation that failed."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


DockerRuntimeExecutorPlugin.load = lambda self, *args, **kwargs: ProcessExecutor
