"""Put MiniStack where LocalStack starts DynamoDB Local and Kinesis Mock, in host mode.

LocalStack's DynamoDB is a front of DynamoDB Local, and it stores the streams of tables in Kinesis
Mock. Its image contains both, but neither is on PyPI. MiniStack is, and speaks both protocols.
`MINISTACK` is the path of its program; without this variable nothing is replaced.

LocalStack runs this file in its own process before it starts a service.
"""

import os
import subprocess

from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.kinesis.kinesis_mock_server import KinesisServerManager
from localstack.utils.net import get_free_tcp_port
from localstack.utils.serving import Server
from localstack.utils.threads import TMP_THREADS, FuncThread


def start_ministack(server: Server) -> FuncThread:
    """Starts MiniStack on the port of `server`; LocalStack ends what is in `TMP_THREADS`."""
    # The same listeners are off as in ministack.sh: they would leave loopback.
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "LC_ALL": "C.UTF-8",
        "GATEWAY_PORT": str(server.port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",
    }
    # Of LocalStack's group, so that it ends with LocalStack in any case.
    process = subprocess.Popen([os.environ["MINISTACK"]], env=variables, stdin=subprocess.DEVNULL)
    thread = FuncThread(
        lambda _: process.wait(), on_stop=lambda _: process.terminate(), name="ministack"
    )
    TMP_THREADS.append(thread)
    thread.start()
    return thread


class StreamServer(Server):
    """Stores the streams of tables."""

    def do_start_thread(self) -> FuncThread:
        """Starts the process behind this server."""
        return start_ministack(self)


def create_stream_server(manager: KinesisServerManager, account_id: str) -> StreamServer:
    """Replaces LocalStack's own method, which would install Kinesis Mock."""
    return StreamServer(get_free_tcp_port(), "127.0.0.1")


if "MINISTACK" in os.environ:
    DynamodbServer.do_start_thread = start_ministack
    KinesisServerManager._create_kinesis_mock_server = create_stream_server
