"""The programs that the test starts. What each prints goes into a file of its own, so that no pipe fills up
and a failure can be looked at."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

E2E = Path(__file__).parent
CLIENTS = E2E.parent
# A checkout that is built already may stand in for this one.
ROOT = Path(os.environ.get("ACTIVITY_LOGS_ROOT", CLIENTS.parent)).resolve()
TOOLS = ROOT / ".tools"
ACTIVITIES = ROOT / "target/debug/activities"
MOTO = TOOLS / "aws/bin/moto_server"

REGION = "us-east-1"
ENVIRONMENT = {
    **os.environ,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    # Credentials are asked for nowhere, and nothing goes through a proxy of this machine's.
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}",
}


class Program:
    """A program that runs."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        """``output`` is the file that the program prints into."""
        self._process, self._output = process, output

    @property
    def printed(self) -> str:
        """All that it printed so far."""
        return self._output.read_text("utf-8", errors="replace")

    def wait_for(self, pattern: str, *, seconds: float) -> str:
        """Waits until the program prints what matches, and gives the first group of it."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.printed)):
            assert self._process.poll() is None, f"it has ended: {self.end()}"
            assert time.monotonic() < end, f"{pattern} is not there after {seconds} s: {self.end()}"
            time.sleep(0.05)
        return found[1]

    def stop(self, *, seconds: float = 60) -> None:
        """Asks the program to stop, and waits until it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it does not stop: {self.end()}") from None

    def end(self) -> str:
        """The end of what it printed, and where the whole is."""
        return f"{self._output}:\n{self.printed[-3_000:]}"


@contextmanager
def running(
    name: str, command: Sequence[str | Path], folder: Path, variables: Mapping[str, str], *, cwd: Path = E2E
) -> Iterator[Program]:
    """Runs a program until the block ends. It prints into ``folder``, and is given ``variables``."""
    output = folder / f"{name}.log"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**ENVIRONMENT, **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    program = Program(process, output)
    try:
        yield program
    except BaseException:
        print(f"\n{name} has printed, in {program.end()}")
        raise
    finally:
        program.stop()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
