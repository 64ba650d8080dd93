"""Gunicorn: workers that are forked from a process which has the application already."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from .test_sender import PRELUDE, SOURCE

PROGRAM = """
    from flask import Flask
    from activity_logs import record as record_request
    from activity_logs.flask import ActivityLogMiddleware

    app = Flask(__name__)
    ActivityLogMiddleware(app, user_id=lambda request: request.headers["x-user"])
    # Recorded by the process that forks, and sent by it alone.
    record(-1)

    @app.get("/<int:step>")
    def route(step):
        record_request("sync", metadata={"step": step})
        return {}
"""


def test_each_worker_sends_what_it_recorded_and_loses_nothing_when_it_is_stopped(tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    queue.touch()
    program = (textwrap.dedent(PRELUDE) + textwrap.dedent(PROGRAM)).replace("sys.argv[1]", repr(str(queue)))
    (tmp_path / "program.py").write_text(program)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--workers", "2", "--threads", "4", "--preload", "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, "program:app"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-user": "3"}) as client:
            end = time.monotonic() + 30
            while True:
                try:
                    client.get("/0").raise_for_status()
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < end
                    time.sleep(0.1)
            with ThreadPoolExecutor(8) as pool:
                for response in pool.map(lambda step: client.get(f"/{step}"), range(1, 60)):
                    response.raise_for_status()
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=30)
    sent = [json.loads(line) for line in queue.read_text().splitlines()]
    assert sorted(step for _, step in sent) == list(range(-1, 60)), said
    processes = {process for process, _ in sent}
    assert server.pid in processes
    assert len(processes) in (2, 3), "a worker may have had nothing to do"
