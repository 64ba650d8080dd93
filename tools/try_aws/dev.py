"""``activities dev``, empty, on free ports: the API on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections import deque
from functools import partial
from pathlib import Path
from typing import Self

from messages import ROOT
from stack import Failure

SECRET = b"local-development-only-not-a-secret"
"""The one of ``activities dev``, which is public."""


def free_ports(count: int) -> list[int]:
    """Ports that are free at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Dev:
    """It runs inside the block."""

    def __init__(self, tool: Path) -> None:
        self._tool = tool.resolve()
        port, dynamodb_port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        self.dynamodb = f"http://127.0.0.1:{dynamodb_port}"
        self._ports = ["--port", str(port), "--dynamodb-port", str(dynamodb_port)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [str(self._tool), "dev", "--empty", *self._ports]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("Ctrl-C"):
                # The functions write a line for each request there; a pipe that nobody reads would hold them.
                drain: partial[deque[str]] = partial(deque, self._process.stdout, maxlen=0)
                threading.Thread(target=drain, name="drain", daemon=True).start()
                return self
        self._process.wait()
        raise Failure(f"{' '.join(command)} does not start ({self._process.returncode})")

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)

    def import_names(self, lines: str) -> None:
        """Gives it names."""
        import_names(self._tool, lines, {"AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb}, "--local")


def import_names(tool: Path, lines: str, environment: dict[str, str], *options: str) -> None:
    """Has ``activities import`` write names. Raises `Failure` if it does not."""
    done = subprocess.run(
        [tool, "import", "-", *options],
        cwd=ROOT,
        env=os.environ | environment,
        input=lines,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise Failure(f"activities import: {done.stderr.strip()}")
