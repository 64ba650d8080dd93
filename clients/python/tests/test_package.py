"""What is published: built, installed by itself into an environment of its own, and used with types."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
import tarfile
import textwrap
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import activity_logs

ROOT = Path(__file__).parents[1]
MODULES = sorted(file.name for file in (ROOT / "src/activity_logs").glob("*.py"))

CONSUMER = """
    import asyncio
    from collections.abc import Mapping
    from typing import Any, assert_type

    from activity_logs import ActivityLog, Memory, Receipt, activity, memory, record
    from activity_logs.asgi import ActivityLogMiddleware
    from activity_logs.aws_lambda import activity_log
    from activity_logs.client import Activity, ActivityLogClient

    sent: Memory = memory()
    activity.configure(transport=sent, redact=["password"], on_error="raise")

    async def route() -> bool:
        return await record("create", resource=("function", 5), environment=(4, 4), metadata={"a": 1})

    def job() -> bool:
        with activity.detached(user_id=3):
            receipt = record("sync", resource=("function",))
            assert_type(receipt, Receipt)
            return receipt.result(timeout=5)

    @activity_log(user_id=lambda event: event["user"])
    def handler(event: Mapping[str, Any], context: object) -> int:
        record("create")
        return 5

    async def app(scope: Any, receive: Any, send: Any) -> None: ...
    ActivityLogMiddleware(app, user_id=lambda scope: scope["user"].id, trusted_hops=1, log=ActivityLog())

    def read() -> list[str]:
        log = ActivityLogClient("https://api.example.com", "token")
        entries: list[Activity] = list(log.list(action=["create", "update"], page_size=10))
        return [entry["action"] for entry in entries]

    assert job() and handler({"user": 3}, None) == 5
    async def main() -> bool:
        with activity.detached(user_id=3):
            return await route()
    assert asyncio.run(main())
    assert [one["action"] for one in sent.activities] == ["sync", "create", "create"]
"""

WRONG = """
    from activity_logs import activity, memory, record
    record("create", ressource=("function", 5))
    record(5)
    activity.configure(transport=memory(), redacted=["password"], on_error="throw")
"""


def run(*command: str | Path, folder: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, which is what the wheel is built from."""
    folder = tmp_path_factory.mktemp("dist")
    # The build backend of this environment: nothing is downloaded.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


def test_the_wheel_holds_the_package_its_types_and_its_licence(built: Path) -> None:
    [wheel] = built.glob("activity_logs-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
    info = f"activity_logs-{activity_logs.__version__}.dist-info"
    package = {f"activity_logs/{name}" for name in [*MODULES, "py.typed"]}
    rest = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    assert names == package | rest
    assert "Provides-Extra: sqs" in text
    assert "Classifier: Private :: Do Not Upload" in text, "no registry takes it"
    required = [line for line in text.splitlines() if line.startswith("Requires-Dist")]
    assert required == ["Requires-Dist: boto3>=1.34; extra == 'sqs'"]


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    [sdist] = built.glob("activity_logs-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    modules = {f"src/activity_logs/{name}" for name in [*MODULES, "py.typed"]}
    assert names - {".gitignore"} == modules | {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO"}


def test_no_module_imports_itself_through_others() -> None:
    imports: dict[str, set[str]] = {}
    for name in MODULES:
        tree = ast.parse((ROOT / "src/activity_logs" / name).read_text("utf-8"))
        imports[name] = set()
        # Also those within a function, or for types alone.
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                modules = [node.module] if node.module else [alias.name for alias in node.names]
                imports[name] |= {f"{module}.py" for module in modules}
    assert "_context.py" in imports["_log.py"]
    graphlib.TopologicalSorter(imports).prepare()  # Raises CycleError, which names the circle.


def test_it_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == activity_logs.__version__
    assert (ROOT / "LICENSE").read_text("utf-8") == (ROOT.parents[1] / "LICENSE").read_text("utf-8")


def test_installed_by_itself_it_is_imported_and_used_with_types(built: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin/python"
    [wheel] = built.glob("*.whl")
    # An environment need not have a pip of its own; the Python that it was made with has one.
    pip: list[str | Path] = [Path(sys.base_prefix) / "bin/python3", "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", wheel)
    consumer = tmp_path / "consumer.py"
    consumer.write_text(textwrap.dedent(CONSUMER))
    run(python, consumer)
    run(python, "-m", "activity_logs.resend", "--help")
    # In a folder that has no settings of mypy.
    mypy: list[str | Path] = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python]
    run(*mypy, consumer, folder=tmp_path)
    wrong = tmp_path / "wrong.py"
    wrong.write_text(textwrap.dedent(WRONG))
    ended = subprocess.run(
        [*mypy, wrong], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert 'Unexpected keyword argument "ressource"' in ended.stdout
    assert 'Argument 1 to "record" has incompatible type "int"' in ended.stdout
    assert 'Unexpected keyword argument "redacted" for "configure"' in ended.stdout
    assert 'Argument "on_error" to "configure" of "ActivityLog" has incompatible type' in ended.stdout
