"""What happens between the deployment and the tear-down, with a stack that is none: whatever it is, the stack
is removed, and there is a report."""

import argparse
import contextlib
import importlib.util
import io
import os
import signal
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from outcome import Result, Verdict
from stack import PREFIX, Failure, Stack, parameter_overrides, run

HERE = Path(__file__).resolve().parent
SPEC = importlib.util.spec_from_file_location("trial", HERE.parent / "__main__.py")
assert SPEC
assert SPEC.loader
trial = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(trial)


class Nothing(Stack):
    """A stack that is not there."""

    def __init__(self, aws: Any, name: str) -> None:
        super().__init__(aws, name)
        self.calls: list[str] = []
        self.secret = ""
        Nothing.made = self

    made: "Nothing"
    fails_at: dict[str, BaseException] = {}

    def _do(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fails_at:
            raise self.fails_at[name]

    def check_free(self) -> None:
        self._do("check_free")

    def policies(self) -> set[str]:
        return {"theirs"} if "deploy" not in self.calls else {"theirs", "new"}

    def deploy(
        self, secret: str, architecture: str, template: Path | None = None, *, is_built: bool = False
    ) -> None:
        self.secret = secret
        self._do("deploy")

    def look(self) -> None:
        self._do("look")

    def tear_down(self, report: Callable[[str], None] = print) -> list[str]:
        self._do("tear_down")
        return ["table left-behind"]


class Runs(unittest.TestCase):
    def trial(
        self, *given: str, fails_at: dict[str, BaseException] | None = None, use: Any = None
    ) -> tuple[int, str]:
        """The exit code and the report."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.md"
            tool = Path(folder) / "target/debug/activities"
            tool.parent.mkdir(parents=True)
            tool.touch()
            options = trial.arguments([*given, "--report", str(report)])
            Nothing.fails_at = fails_at or {}
            patches = [
                mock.patch.object(trial, "Stack", Nothing),
                mock.patch.object(trial, "ROOT", Path(folder)),
                mock.patch.object(trial, "estimate", lambda *_: 0.5),
                mock.patch.object(trial, "use", use or self.use),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ]
            with contextlib.ExitStack() as block:
                for patch in patches:
                    block.enter_context(patch)
                code = trial.try_aws(options, mock.MagicMock(region="us-east-1"))
            return code, report.read_text()

    @staticmethod
    def use(*given: Any) -> None:
        given[-1].append(Result("contract", "a check", Verdict.PASSED, "fine"))

    def test_all_is_well(self) -> None:
        code, report = self.trial()
        self.assertEqual(code, 0)
        self.assertEqual(Nothing.made.calls, ["check_free", "deploy", "look", "tear_down"])
        for text in ["| a check | passed | fine |", "* table left-behind", "resource policy of logs new"]:
            self.assertIn(text, report)
        self.assertNotIn("policy of logs theirs", report)

    def test_each_run_has_a_secret_of_its_own_that_is_not_in_the_report(self) -> None:
        _, report = self.trial()
        first = Nothing.made.secret
        self.assertNotIn(first, report)
        self.assertGreaterEqual(len(first), 32)
        self.trial()
        self.assertNotEqual(Nothing.made.secret, first)

    def test_whatever_happens_the_stack_is_removed_and_the_report_says_so(self) -> None:
        for at in ["deploy", "look"]:
            for error in [Failure("sam has failed"), OSError("no network"), KeyboardInterrupt("SIGTERM")]:
                code, report = self.trial(fails_at={at: error})
                self.assertEqual(Nothing.made.calls[-1], "tear_down", (at, error))
                self.assertEqual(code, 1)
                self.assertIn(str(error), report)

    def test_a_check_that_failed_is_in_the_exit_code(self) -> None:
        def use(*given: Any) -> None:
            given[-1].append(Result("contract", "a check", Verdict.FAILED, "status 500"))

        code, report = self.trial(use=use)
        self.assertEqual(code, 1)
        self.assertIn("## What failed", report)

    def test_a_signal_ends_the_checks_and_not_the_tear_down(self) -> None:
        def use(*_: Any) -> None:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGTERM]).start()
            time.sleep(5)
            raise AssertionError("it goes on")

        code, report = self.trial(use=use)
        self.assertEqual((code, Nothing.made.calls[-1]), (1, "tear_down"))
        self.assertIn("SIGTERM", report)

    def test_the_tear_down_goes_on_after_ctrl_c(self) -> None:
        def interrupted(stack: Nothing, *_: object) -> list[str]:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            stack.calls.append("tear_down went on")
            return []

        with mock.patch.object(Nothing, "tear_down", interrupted):
            code, _ = self.trial()
        self.assertEqual((code, Nothing.made.calls[-1]), (0, "tear_down went on"))

    def test_it_is_kept_if_that_is_asked_for(self) -> None:
        code, report = self.trial("--keep")
        self.assertEqual(code, 0)
        self.assertNotIn("tear_down", Nothing.made.calls)
        self.assertNotIn("left over", report)

    def test_nothing_is_deployed_over_something(self) -> None:
        with self.assertRaises(Failure):
            self.trial(fails_at={"check_free": Failure("something is there")})
        self.assertEqual(Nothing.made.calls, ["check_free"])


class Estimates(unittest.TestCase):
    def test_more_than_a_dollar_needs_a_yes(self) -> None:
        options = argparse.Namespace(messages=5000, readers=20, seconds=60)
        aws = mock.MagicMock(region="us-east-1")
        with contextlib.redirect_stderr(io.StringIO()) as said:
            aws.pages.return_value = iter([])
            self.assertLess(trial.estimate(options, aws), 1)
            aws.pages.return_value = iter(range(3))
            self.assertGreater(trial.estimate(options, aws), 1)
        self.assertIn("$", said.getvalue())
        with (
            mock.patch.object(trial, "estimate", lambda *_: 1.01),
            contextlib.redirect_stderr(io.StringIO()),
            self.assertRaises(Failure),
        ):
            trial.try_aws(trial.arguments([]), aws)


class Names(unittest.TestCase):
    def test_nothing_but_a_stack_of_a_trial_can_be_named(self) -> None:
        for name in [
            "activity-logs-prod",
            "",
            PREFIX + "a b",
            PREFIX + "a/b",
            PREFIX + "x" * 40,
            "x" + PREFIX,
        ]:
            with self.assertRaises(Failure, msg=name):
                Stack(mock.MagicMock(), name)
        self.assertEqual(Stack(mock.MagicMock(), PREFIX + "1").bucket, PREFIX + "1-artifacts")

    def test_a_secret_is_one_that_sam_takes_whole(self) -> None:
        self.assertTrue(parameter_overrides("a1", "arm64").endswith(" JwtSecret=a1"))
        for secret in ["", "a b", 'a"b', "a\\b"]:
            with self.assertRaises(ValueError):
                parameter_overrides(secret, "arm64")


class Programs(unittest.TestCase):
    def test_what_is_hidden_is_not_shown(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            run(["sh", "-c", "echo before hidden after; echo hidden >&2"], "hidden")
        self.assertNotIn("hidden", said.getvalue())
        self.assertEqual(said.getvalue().count("***"), 2)

    def test_a_program_that_fails_is_a_failure(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(Failure):
            run(["sh", "-c", "exit 3"], "hidden")


if __name__ == "__main__":
    unittest.main()
