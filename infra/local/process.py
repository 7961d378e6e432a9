"""Start and stop the background processes of a local stack.

A started process leads its own group, so that stopping it stops all it started. What was started is
written down in `.local/run/NAME.json` with the time the process began: a number that the system has
given to somebody else in the meantime is left alone.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

RUN = Path(".local/run")
START_WITHIN_S = 120
STOP_WITHIN_S = 10
UNTRANSLATED = {"LC_ALL": "C", "TZ": "UTC"}


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    start_parser = actions.add_parser("start", help="start NAME unless it runs as asked")
    start_parser.add_argument("name")
    start_parser.add_argument("--port", type=int, required=True)
    start_parser.add_argument("--variable", required=True, help="what moves the port")
    start_parser.add_argument("--health", required=True, help="answers 200 once it is ready")
    start_parser.add_argument("--stamp", default="", help="restart when this differs")
    start_parser.add_argument("command", nargs="+")
    stop_parser = actions.add_parser("stop", help="stop NAME if it runs")
    stop_parser.add_argument("name")
    args = parser.parse_args()
    if args.action == "stop":
        stop(args.name)
    else:
        start(args.name, args.command, args.stamp, args.port, args.variable, args.health)


def start(name: str, command: list[str], stamp: str, port: int, variable: str, health: str) -> None:
    """Starts `command` and waits until `health` answers; ends with a message if it does not."""
    asked = {"command": command, "stamp": stamp}
    if running(name) and recorded(name)["asked"] == asked and healthy(health):
        return
    stop(name)
    if occupied(port):
        sys.exit(f"port {port} is taken by another program: choose another one with {variable}")
    RUN.mkdir(parents=True, exist_ok=True)
    log = RUN / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = {"pid": process.pid, "began": began(process.pid), "asked": asked}
    pid_file(name).write_text(json.dumps(record))
    deadline = time.monotonic() + START_WITHIN_S
    while not healthy(health):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(name)
            tail = log.read_text(errors="replace").splitlines()[-15:]
            sys.exit("\n".join([f"{name} did not start; the end of {log}:", *tail]))
        time.sleep(0.1)


def stop(name: str) -> None:
    """Ends the process and everything in its group: first asked, then made to."""
    if running(name) or orphaned(name):
        group = recorded(name)["pid"]
        for how, patience_s in ((signal.SIGTERM, STOP_WITHIN_S), (signal.SIGKILL, 2)):
            if not signal_group(group, how):
                break
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline and group_lives(group):
                time.sleep(0.05)
    pid_file(name).unlink(missing_ok=True)


def running(name: str) -> bool:
    """Whether the process that was written down is still that process."""
    if not pid_file(name).exists():
        return False
    record = recorded(name)
    return bool(record["began"]) and bool(began(record["pid"]) == record["began"])


def orphaned(name: str) -> bool:
    """Whether the process is gone but others of its group are left, who keep its number taken."""
    if not pid_file(name).exists():
        return False
    group = recorded(name)["pid"]
    return began(group) == "" and group_lives(group)


def recorded(name: str) -> dict[str, Any]:
    """What was written down when NAME was started."""
    record: dict[str, Any] = json.loads(pid_file(name).read_text())
    return record


def pid_file(name: str) -> Path:
    """Where NAME is written down."""
    return RUN / f"{name}.json"


def began(pid: int) -> str:
    """When a process began, in the system's own measure; empty when it is gone or a zombie."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        state, since = facts[0], facts[19]
    except OSError:  # gone, or not Linux
        ps = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
        told = subprocess.run(ps, capture_output=True, text=True, env=os.environ | UNTRANSLATED)
        state, _, since = told.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else since.strip()


def signal_group(group: int, how: signal.Signals) -> bool:
    """Signals a process group; false when it is gone."""
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return False
    return True


def group_lives(group: int) -> bool:
    """Whether any process of the group is left that is not a zombie."""
    ps = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True).stdout
    members = (line.split() for line in ps.splitlines())
    return any(pgid == str(group) and not state.startswith("Z") for pgid, state in members)


def occupied(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def healthy(url: str) -> bool:
    """Whether `url` answers 200 now."""
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    main()
