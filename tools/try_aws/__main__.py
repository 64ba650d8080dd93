"""Tries the stack on AWS: deploys it under a name of its own, runs the contract over HTTPS, a load, and the
checks that only AWS can answer, prints a report, and removes everything again.

This has not been run against AWS yet. Until somebody with an account has, its AWS part is known to work only
as far as the emulator moto goes, and its HTTP part against `activities dev`. docs/trying-on-aws.md has more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from cloud import Cloud
from contract import Contract, Target, Tokens
from dev import SECRET, Dev, import_names
from figures import Plan
from load import Load, run_load
from messages import LARGE, LARGE_COUNT, LOAD, MAIN, ROOT, names, script
from outcome import Result, Verdict, guarded, judged
from record import record
from report import markdown, summary
from senders import FunctionSender, QueueSender
from stack import PREFIX, STAYS, Aws, Failure, Stack, say
from tokens import Given, Issuer

DOLLAR = 1.0
"""Above this estimate, somebody must say --yes."""
CONTRACT_READS = 5000
"""More requests than `contract` and `cloud` make, other than large ones."""
LARGE_READS = 30
SCHEMATHESIS_READS = 2500


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="make try-aws ARGS='…'",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    deploy = parser.add_argument_group("a stack of its own (without --url)")
    deploy.add_argument("--region", help="else AWS_REGION or that of the profile")
    deploy.add_argument("--profile", help="of the AWS configuration, else AWS_PROFILE")
    deploy.add_argument("--name", help=f"of the stack; must begin with {PREFIX}, and is made up otherwise")
    deploy.add_argument("--architecture", choices=["arm64", "x86_64"], default="arm64")
    deploy.add_argument("--built", action="store_true", help="take the functions that sam has built before")
    deploy.add_argument("--keep", action="store_true", help="leave the stack there")
    deploy.add_argument("--yes", action="store_true", help="even if it may cost more than a dollar")
    deploy.add_argument("--messages", type=int, default=Load.messages, help="of the load (%(default)s)")
    deploy.add_argument("--readers", type=int, default=Load.readers, help="side by side (%(default)s)")
    deploy.add_argument("--seconds", type=float, default=Load.seconds, help="of reading (%(default)s)")
    deploy.add_argument("--tear-down", metavar="NAME", help="only remove the stack of an earlier run")
    url = parser.add_argument_group("an API that is there: the HTTP part alone, which writes nothing")
    url.add_argument(
        "--url", help="of the API, such as https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
    )
    url.add_argument("--secret-env", metavar="VARIABLE", help="the variable with the secret of its tokens")
    url.add_argument("--token-env", metavar="VARIABLE", help="or the variable with a token")
    url.add_argument("--claims", type=json.loads, default={}, help="more claims of the tokens, as JSON")
    url.add_argument("--user", type=int, default=MAIN, help="whose log is read (%(default)s)")
    url.add_argument("--other", type=int, help="another user with entries, whom the secret is good for")
    parser.add_argument(
        "--dev", type=Path, metavar="TOOL", help="the HTTP part against `TOOL dev`, with data of its own"
    )
    parser.add_argument(
        "--large",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with --dev: pages of 5.5 MB, too",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="with --dev: name only what failed, and print no report"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="else in .aws-sam/reports")
    parser.add_argument("--schemathesis", action=argparse.BooleanOptionalAction, help="default: on AWS only")
    options = parser.parse_args(given)
    if options.url and bool(options.secret_env) == bool(options.token_env):
        parser.error("--url needs either --secret-env or --token-env")
    if options.dev and options.url:
        parser.error("either --dev or --url")
    return options


def show(results: Iterable[Result], into: list[Result], *, is_quiet: bool = False) -> None:
    """Keeps results, and prints each as it comes, or only the failed ones."""
    for result in results:
        into.append(result)
        if is_quiet and result.verdict is not Verdict.FAILED:
            continue
        mark = {
            Verdict.PASSED: "ok",
            Verdict.FAILED: "FAILED",
            Verdict.OBSERVED: "seen",
            Verdict.UNKNOWN: "?",
        }
        say(f"{mark[result.verdict]:6} {result.part}: {result.name}: {result.detail}"[:240])


def schemathesis(url: str, token: str) -> Iterator[Result]:
    """What a tester finds that knows only openapi.yaml."""
    program = ROOT / ".tools/bin/schemathesis"
    if not program.exists():
        yield Result(
            "contract", "schemathesis", Verdict.UNKNOWN, "it is not installed: `make lint` does that"
        )
        return
    command: list[str] = [
        str(program),
        "--config-file",
        "tools/schemathesis.toml",
        "run",
        "openapi.yaml",
        "--url",
        url,
    ]
    command += ["--header", f"Authorization: Bearer {token}", "--checks", "all", "--max-examples", "40"]
    command += ["--seed", "1", "--no-color", "--workers", "2"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / ".tools")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = (done.stdout + done.stderr).replace(token, "***")
    faults = [said[-2000:]] if done.returncode or "No issues found" not in said else []
    yield judged("contract", "schemathesis, which knows only openapi.yaml", faults)


def save(path: Path | None, name: str, text: str, *, is_printed: bool = True) -> None:
    """Prints the report, and writes it where version control does not look."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = path or ROOT / ".aws-sam/reports" / f"{name}-{stamp}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with contextlib.suppress(OSError):
        if is_printed:
            print(text, flush=True)
    say(f"the report is in {path}")


def code_of(results: Sequence[Result]) -> int:
    """The exit code."""
    return 1 if any(result.verdict is Verdict.FAILED for result in results) else 0


def try_dev(options: argparse.Namespace) -> int:
    """The HTTP part against this machine, with the data of a trial."""
    results: list[Result] = []
    issuer = Issuer(SECRET)
    with Dev(options.dev) as dev:
        dev.import_names(names())
        contract = Contract(Target(dev.url, issuer, large=LARGE if options.large else None))
        many = LARGE_COUNT if options.large else 0
        sender = FunctionSender(dev.url)
        recording = guarded("recording", "recording", lambda: record(contract, sender, many, seconds=5))
        show(recording, results, is_quiet=options.quiet)
        show(contract.run(), results, is_quiet=options.quiet)
        if options.schemathesis:
            show(schemathesis(dev.url, issuer.token(MAIN)), results, is_quiet=options.quiet)
    text = markdown("activities dev", [("address", "this machine")], results, None)
    save(options.report, "dev", text, is_printed=not options.quiet)
    say(summary(results))
    return code_of(results)


def try_url(options: argparse.Namespace) -> int:
    """The HTTP part against an API that is there."""
    variable = options.secret_env or options.token_env
    value = os.environ.get(variable, "")
    if not value:
        raise Failure(f"the variable {variable} is not set")
    tokens: Tokens = Issuer(value.encode(), options.claims) if options.secret_env else Given(value)
    other = options.other if options.secret_env else None
    target = Target(options.url, tokens, options.user, other, None, is_seeded=False)
    results: list[Result] = []
    contract = Contract(target)
    show(contract.run(), results)
    if options.schemathesis:
        show(schemathesis(contract.connection.origin, tokens.token(options.user)), results)
    facts = [("address", options.url), ("user", str(options.user))]
    save(options.report, "url", markdown("An API that was there", facts, results, None))
    say(summary(results))
    return code_of(results)


def estimate(options: argparse.Namespace, aws: Aws) -> float:
    """What the run costs at the most, which is printed."""
    load = Load(options.messages, readers=options.readers, seconds=options.seconds)
    dashboards = len(list(aws.pages("cloudwatch", "list_dashboards", "DashboardEntries")))
    plan = Plan(
        reads=CONTRACT_READS + SCHEMATHESIS_READS + load.reads,
        large_reads=LARGE_READS,
        messages=len(script()) + load.messages + 100,
        large_messages=LARGE_COUNT,
        dashboards=dashboards,
    )
    say(f"this costs at most about ${plan.dollars():.2f} (us-east-1, without free tiers): {plan}")
    return plan.dollars()


def interrupt(number: int, _frame: FrameType | None) -> None:
    """Ctrl-C, and whatever else ends a program: so that everything is removed before."""
    raise KeyboardInterrupt(signal.Signals(number).name)


class Uninterrupted:
    """A block that goes on in spite of Ctrl-C; the third one ends it."""

    def __init__(self, name: str) -> None:
        self._name, self._count = name, 0

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 2:
            say(f"`make try-aws ARGS='--tear-down {self._name}'` removes what is left")
            interrupt(number, frame)
        say(f"{self._name} is being removed; Ctrl-C {3 - self._count} more times leaves it there")

    def __enter__(self) -> None:
        for one in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            signal.signal(one, self._handle)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for one in [signal.SIGTERM, signal.SIGHUP]:
            signal.signal(one, signal.SIG_DFL)


def try_aws(options: argparse.Namespace, aws: Aws | None = None) -> int:
    """The whole of it."""
    aws = aws or Aws(options.region, options.profile)
    aws.environment()
    account = aws.client("sts").get_caller_identity()["Account"]
    if options.tear_down:
        return clean_up(Stack(aws, options.tear_down))
    stack = Stack(aws, options.name or PREFIX + secrets.token_hex(4))
    say(f"the stack is {stack.name}, in account {account}, region {aws.region}")
    if estimate(options, aws) > DOLLAR and not options.yes:
        raise Failure("give --yes if that is all right")
    tool = ROOT / "target/debug/activities"
    if not tool.exists():
        raise Failure(f"{tool} is not built: `cargo build --bin activities`")
    stack.check_free()
    policies = stack.policies()
    results: list[Result] = []
    started = datetime.now(UTC)
    left: list[str] | None = None
    for one in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(one, interrupt)
    try:
        secret = secrets.token_hex(32)
        stack.deploy(secret, options.architecture, is_built=options.built)
        stack.look()
        use(options, aws, stack, Issuer(secret.encode()), tool, results)
    except KeyboardInterrupt as error:
        results.append(Result("run", "interrupted", Verdict.FAILED, str(error) or "Ctrl-C"))
    except Exception as error:  # The stack is removed whatever happens, and the report says what did.
        show([Result("run", "not finished", Verdict.FAILED, f"{type(error).__name__}: {error}")], results)
    finally:
        with Uninterrupted(stack.name):
            if options.keep:
                say(f"{stack.name} stays; `make try-aws ARGS='--tear-down {stack.name}'` removes it")
            else:
                left = stack.tear_down()
                with contextlib.suppress(Exception):
                    left += [f"resource policy of logs {name}" for name in stack.policies() - policies]
                left += [one.format(name=stack.name) for one in STAYS]
            facts = [
                ("stack", stack.name),
                ("region", aws.region),
                ("architecture", options.architecture),
                ("began", started.isoformat(timespec="seconds")),
                ("took", f"{(datetime.now(UTC) - started).total_seconds() / 60:.0f} minutes"),
            ]
            save(options.report, stack.name, markdown("A trial on AWS", facts, results, left))
    say(summary(results))
    return code_of(results)


def use(
    options: argparse.Namespace, aws: Aws, stack: Stack, issuer: Issuer, tool: Path, results: list[Result]
) -> None:
    """Everything between the deployment and the tear-down."""
    started = datetime.now(UTC)
    contract = Contract(Target(stack.url, issuer))
    sender = QueueSender(aws.client("sqs"), stack.outputs["RecordQueueUrl"])
    load = Load(options.messages, readers=options.readers, seconds=options.seconds)
    import_names(tool, names((MAIN, *LOAD)), aws.environment() | stack.tables())
    show(guarded("recording", "recording", lambda: record(contract, sender, LARGE_COUNT)), results)
    show(contract.run(), results)
    if options.schemathesis is not False:
        show(
            guarded("contract", "schemathesis", lambda: schemathesis(stack.url, issuer.token(MAIN))), results
        )
    show(guarded("load", "load", lambda: run_load(contract, sender, load)), results)
    show(Cloud(aws, stack, contract, started, tool).run(), results)


def clean_up(stack: Stack) -> int:
    """Removes the stack of an earlier run."""
    with Uninterrupted(stack.name):
        left = stack.tear_down()
    for one in left:
        say(f"left over: {one}")
    return 1 if left else 0


def main() -> int:
    """Runs what was asked for."""
    options = arguments(sys.argv[1:])
    try:
        if options.dev:
            return try_dev(options)
        if options.url:
            return try_url(options)
        return try_aws(options)
    except Failure as failure:
        say(str(failure))
        return 2


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    sys.exit(main())
