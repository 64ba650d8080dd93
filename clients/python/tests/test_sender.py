"""Threads, forks and the end of the interpreter."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from activity_logs import ActivityLog, Failure, Message, Receipt, _outbox, memory
from activity_logs._sender import THREADS, Sender

from .support import Chaos, steps

SOURCE = Path(__file__).parents[1] / "src"


@pytest.mark.parametrize("seed", range(2))
def test_fifty_threads_on_a_failing_queue_lose_nothing_and_keep_each_users_order(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_outbox, "LONGEST_DELAY", 0.05)
    chaos = Chaos(seed)
    log = ActivityLog(transport=chaos, deadline=60)

    def work(user: int) -> list[bool]:
        detached = log.detached(user_id=user)
        receipts: list[Receipt] = [detached.record("sync", metadata={"step": step}) for step in range(12)]
        return [receipt.result(60) for receipt in receipts]

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(work, range(1, 51)))
    assert results == [[True] * 12] * 50
    assert chaos.most_under_way == 1
    assert steps(chaos.accepted) == {str(user): list(range(12)) for user in range(1, 51)}
    assert max(chaos.batches) == 10
    log.close()


def test_a_transport_that_says_too_little_is_asked_again() -> None:
    class Silent(Chaos):
        def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
            said = super().send(batch)
            return said if len(self.batches) > 1 else []

    log = ActivityLog(transport=Silent(failing=0))
    assert log.detached(user_id=3).record("sync").result(5)
    log.close()


def test_a_transport_that_gives_no_outcomes_is_asked_again() -> None:
    class Silent(Chaos):
        def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
            said = super().send(batch)
            return said if len(self.batches) > THREADS else None  # type: ignore[return-value]

    log = ActivityLog(transport=Silent(failing=0))
    assert log.detached(user_id=3).record("sync").result(5)
    log.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_threads_that_a_transport_ends_are_replaced() -> None:
    ended: list[threading.Thread] = []
    begun = threading.Semaphore(0)

    class Ending(Chaos):
        def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
            if len(ended) < THREADS:
                ended.append(threading.current_thread())
                begun.release()
                raise SystemExit
            return super().send(batch)

    log = ActivityLog(transport=Ending(failing=0))
    for user in range(1, THREADS + 1):
        log.detached(user_id=user).record("sync")
        assert begun.acquire(timeout=5)
        ended[-1].join(5)
    assert log.detached(user_id=9).record("sync").result(5)
    log.close(timeout=0)


def test_log_handlers_that_raise_stop_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk is full")

    class Refusing(Chaos):
        def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
            said = super().send(batch)
            return said if len(self.batches) > THREADS else [Failure("no", is_final=True)] * len(batch)

    broken, logger = Broken(), logging.getLogger("activity_logs")
    logger.addHandler(broken)
    try:
        log = ActivityLog(transport=Refusing(failing=0))
        for user in range(1, THREADS + 1):
            assert not log.detached(user_id=user).record("sync").result(5)
        assert log.detached(user_id=9).record("sync").result(5)
        log.close()
    finally:
        logger.removeHandler(broken)
    assert capsys.readouterr().err.count("OSError: the disk is full") >= THREADS


def test_callers_that_raise_at_the_end_of_a_message_stop_no_message() -> None:
    called = threading.Semaphore(0)

    def fail(_: Failure | None) -> None:
        called.release()
        raise ZeroDivisionError

    sender = Sender(Chaos(failing=0), deadline=30)
    for user in range(1, THREADS + 1):
        sender.hand_over(Message("{}", str(user), str(user)), fail)
        assert called.acquire(timeout=5)
    is_settled = threading.Event()
    sender.hand_over(Message("{}", "9", "9"), lambda _: is_settled.set())
    assert is_settled.wait(5)
    sender.close(5)


def test_closing_gives_up_what_is_not_sent_in_time_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    log = ActivityLog(transport=Chaos(failing=0, before=lambda: release.wait(5)))
    receipts = [log.detached(user_id=3).record("sync", metadata={"step": step}) for step in range(3)]
    log.close(timeout=0.05)
    assert [receipt.result(1) for receipt in receipts] == [False] * 3
    bodies = [json.loads(json.loads(line)["body"]) for line in caplog.messages]
    assert [body["metadata"]["step"] for body in bodies] == [0, 1, 2]
    release.set()


def test_closing_sends_what_waits() -> None:
    chaos = Chaos(3)
    log = ActivityLog(transport=chaos, deadline=60)
    receipts = [log.detached(user_id=user).record("sync") for user in range(1, 31)]
    log.close(timeout=30)
    assert all(receipt.result(0) for receipt in receipts)


PRELUDE = """
    import json, os, sys, threading, time
    from activity_logs import ActivityLog, activity

    class File:
        '''A queue in a file, to which several processes append.'''
        is_immediate = False
        def send(self, batch):
            time.sleep(0.02)
            with open(sys.argv[1], "a") as file:
                for message in batch:
                    file.write(json.dumps([os.getpid(), message.fields["metadata"]["step"]]) + "\\n")
            return [None] * len(batch)
        def forget_connections(self):
            pass

    activity.configure(transport=File())
    job = activity.detached(user_id=3)
    def record(step):
        return job.record("sync", metadata={"step": step})
"""


def run(script: str, tmp_path: Path) -> list[list[int]]:
    """Runs a script, and gives the process and the step of each message, in order."""
    file = tmp_path / "queue"
    file.touch()
    ended = subprocess.run(
        # From 3.12 on, Python warns of any fork beside threads.
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            textwrap.dedent(PRELUDE) + textwrap.dedent(script),
            str(file),
        ],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert ended.stderr == ""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_end_of_the_interpreter_sends_what_waits(tmp_path: Path) -> None:
    sent = run("for step in range(20): record(step)", tmp_path)
    assert [step for _, step in sent] == list(range(20))


def test_what_is_recorded_first_at_the_end_of_the_interpreter_is_sent(tmp_path: Path) -> None:
    sent = run("import atexit; atexit.register(record, 1)", tmp_path)
    assert [step for _, step in sent] == [1]


ASYNC_USER = """
    import asyncio, logging
    from activity_logs._context import Context, within
    from activity_logs._message import Client

    async def user_id(_):
        await asyncio.sleep(0.05)
        return 3

    async def main():
        record_in_request(1)

    def record_in_request(step):
        with within(Context(activity, Client(), user_id)):
            activity.record("sync", metadata={"step": step})
"""


def test_what_waits_for_its_user_when_the_program_ends_is_sent(tmp_path: Path) -> None:
    sent = run(textwrap.dedent(ASYNC_USER) + "asyncio.run(main())", tmp_path)
    assert [step for _, step in sent] == [1]


def test_what_waits_for_its_user_on_a_stopped_loop_when_the_program_ends_is_logged(tmp_path: Path) -> None:
    script = """
        class ToFile(logging.Handler):
            def emit(self, line):
                draft = json.loads(json.loads(line.getMessage())["draft"])
                with open(sys.argv[1], "a") as file:
                    file.write(json.dumps([0, draft["metadata"]["step"]]) + "\\n")

        logging.getLogger("activity_logs").addHandler(ToFile())
        logging.getLogger("asyncio").setLevel("CRITICAL")  # It says that a task is left.
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
    """
    assert run(textwrap.dedent(ASYNC_USER) + textwrap.dedent(script), tmp_path) == [[0, 1]]


def test_an_exception_that_ends_the_program_does_not_lose_what_was_recorded(tmp_path: Path) -> None:
    sent = run("record(1); sys.exit(0)", tmp_path)
    assert [step for _, step in sent] == [1]


def test_a_forked_process_sends_its_own_and_not_its_parents(tmp_path: Path) -> None:
    sent = run(
        """
        for step in range(10): record(step)
        child = os.fork()
        for step in range(10, 15): record(step + (100 if child == 0 else 0))
        if child == 0:
            os._exit(0 if activity.flush(5) else 1)
        assert os.waitpid(child, 0)[1] == 0
        """,
        tmp_path,
    )
    by_process: dict[int, list[int]] = {}
    for process, step in sent:
        by_process.setdefault(process, []).append(step)
    assert sorted(by_process.values()) == [list(range(15)), list(range(110, 115))]


def test_a_receipt_of_the_parent_cannot_be_waited_for_in_a_forked_process(tmp_path: Path) -> None:
    run(
        """
        receipt = record(1)
        child = os.fork()
        if child == 0:
            try:
                receipt.result(1)
            except RuntimeError as error:
                os._exit(7 if "forked" in str(error) else 1)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        """,
        tmp_path,
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_sends_what_waits_when_it_ends(tmp_path: Path, method: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent(PRELUDE)
        + textwrap.dedent(
            f"""
            def work(step):
                record(step)
            if __name__ == "__main__":
                import multiprocessing
                context = multiprocessing.get_context("{method}")
                children = [context.Process(target=work, args=[step]) for step in range(3)]
                for child in children: child.start()
                for child in children: child.join()
            """
        )
    )
    file = tmp_path / "queue"
    file.touch()
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, str(script), str(file)], check=True, timeout=60, env=environment)
    sent = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(step for _, step in sent) == [0, 1, 2]
    assert len({process for process, _ in sent}) == 3


def test_a_transport_is_told_of_a_fork() -> None:
    chaos = Chaos()
    log = ActivityLog(transport=chaos)
    child = os.fork()
    if child == 0:
        os._exit(chaos.connections_forgotten)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    log.close()


def test_memory_keeps_what_was_recorded_when_record_returns() -> None:
    sent = memory()
    log = ActivityLog(transport=sent)
    log.detached(user_id=3).record("sync")
    assert [one["action"] for one in sent.activities] == ["sync"]
    sent.clear()
    assert sent.messages == []
