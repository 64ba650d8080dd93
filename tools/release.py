#!/usr/bin/env python3
"""What a release consists of: one version everywhere, and its notes in CHANGELOG.md.

    release.py            checks that all files agree on the version, and the form of CHANGELOG.md
    release.py VERSION    checks that too, and prints the notes of that version, which must be the newest

A release is made in one commit: the version in every file of `VERSIONS`, and in CHANGELOG.md a heading with
the version and the date, between `Unreleased` and what was listed there. The tag `vVERSION` publishes it.
"""

import datetime
import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def found(pattern, text):
    """The group of the one place where the pattern matches; None if there is no such place, or several."""
    places = re.findall(pattern, text, re.MULTILINE)
    return places[0] if len(places) == 1 else None


def in_json(text):
    """The version of a package.json."""
    return json.loads(text)["version"]


def in_lock(text):
    """The version of a package-lock.json, if both places agree."""
    lock = json.loads(text)
    return lock["version"] if lock["packages"][""]["version"] == lock["version"] else None


# Each file that states the version, and how it is read. Cargo.lock and docs/api.html follow from these.
VERSIONS = {
    "Cargo.toml": lambda text: tomllib.loads(text)["workspace"]["package"]["version"],
    "openapi.yaml": lambda text: found(r"^  version: (\S+)$", text),
    "viewer/package.json": in_json,
    "viewer/package-lock.json": in_lock,
    "clients/typescript/package.json": in_json,
    "clients/typescript/package-lock.json": in_lock,
    "clients/python/pyproject.toml": lambda text: tomllib.loads(text)["project"]["version"],
    "clients/python/src/activity_logs/__init__.py": lambda text: found(r'^__version__ = "(.*)"$', text),
}


def sections(changelog):
    """The sections of a changelog: the title of each and what stands below it.

    >>> sections("# Changelog\\n\\n## Unreleased\\n\\n## 0.1.0 - 2026-11-27\\n\\n- A.\\n- B.\\n")
    [('Unreleased', ''), ('0.1.0 - 2026-11-27', '- A.\\n- B.')]
    """
    _, *parts = re.split(r"^## (.*)$", changelog, flags=re.MULTILINE)
    return [(title.strip(), body.strip()) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def problems(changelog, versions):
    """What is wrong with a changelog, and with the versions that files state.

    >>> good = "## Unreleased\\n## 0.2.0 - 2027-01-02\\n### Fixed\\n- B.\\n## 0.1.0 - 2026-11-27\\n- A."
    >>> list(problems(good, {"Cargo.toml": "0.2.0", "package.json": "0.2.0"}))
    []
    >>> list(problems(good, {"Cargo.toml": "0.2.0", "package.json": "0.1.0"}))
    ['package.json has the version 0.1.0, and CHANGELOG.md 0.2.0']
    >>> def show(old, new):
    ...     for problem in problems(good.replace(old, new), {"Cargo.toml": "0.2.0"}):
    ...         print(problem)
    >>> show("## Unreleased", "")
    CHANGELOG.md does not begin with the section Unreleased
    >>> show("2027-01-02", "soon")
    CHANGELOG.md has `## 0.2.0 - soon`, which is no version and date
    Cargo.toml has the version 0.2.0, and CHANGELOG.md 0.1.0
    >>> show("2027-01-02", "2027-02-30")
    CHANGELOG.md has `## 0.2.0 - 2027-02-30`, which is no version and date
    Cargo.toml has the version 0.2.0, and CHANGELOG.md 0.1.0
    >>> show("0.1.0", "0.2.0")
    CHANGELOG.md has 0.2.0 below 0.2.0
    >>> show("2026-11-27", "2027-11-27")
    CHANGELOG.md has 0.1.0 of 2027-11-27 below 0.2.0 of 2027-01-02
    >>> show("- A.", "")
    CHANGELOG.md says nothing of 0.1.0
    >>> show("### Fixed", "### Mended")
    CHANGELOG.md has `### Mended`, which is none of Added, Changed, Deprecated, Removed, Fixed, Security
    """
    titled = sections(changelog)
    if titled and titled[0][0] == "Unreleased":
        titled = titled[1:]
    else:
        yield "CHANGELOG.md does not begin with the section Unreleased"
    for kind in re.findall(r"^### (.*)$", changelog, re.MULTILINE):
        if kind not in KINDS:
            yield f"CHANGELOG.md has `### {kind}`, which is none of {', '.join(KINDS)}"
    newer = None
    newest = None
    for title, body in titled:
        try:
            version, date = re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", title).groups()
            release = (tuple(map(int, version.split("."))), datetime.date.fromisoformat(date))
        except (AttributeError, ValueError):
            yield f"CHANGELOG.md has `## {title}`, which is no version and date"
            continue
        if newer and release[0] >= newer[0]:
            yield f"CHANGELOG.md has {version} below {text_of(newer[0])}"
        elif newer and release[1] > newer[1]:
            yield f"CHANGELOG.md has {version} of {date} below {text_of(newer[0])} of {newer[1]}"
        if not body:
            yield f"CHANGELOG.md says nothing of {version}"
        newer = release
        newest = newest or version
    for name, version in versions.items():
        if version != newest:
            yield f"{name} has the version {version}, and CHANGELOG.md {newest}"


def text_of(numbers):
    """A version as it is written."""
    return ".".join(map(str, numbers))


def notes(changelog, version):
    """What a changelog says of the newest version, or None if that is not `version`.

    Each paragraph and item is on one line. On the page of a release, the end of a line is an end of a line.

    >>> text = "The\\nfirst.\\n\\n### Added\\n\\n- A, and\\n  more.\\n- B."
    >>> changelog = f"## Unreleased\\n\\n## 0.1.0 - 2026-11-27\\n\\n{text}\\n\\n## 0.0.9 - 2026-11-26\\n- Z."
    >>> print(notes(changelog, "0.1.0"))
    The first.
    <BLANKLINE>
    ### Added
    <BLANKLINE>
    - A, and more.
    - B.
    >>> [notes(changelog, other) for other in ["0.1", "0.2.0", "0.0.9", "Unreleased"]]
    [None, None, None, None]
    """
    released = [section for section in sections(changelog) if section[0] != "Unreleased"]
    if not released or released[0][0].partition(" - ")[0] != version:
        return None
    return re.sub(r"(?<=\S)\n *(?=[^\s#-])", " ", released[0][1])


def main(arguments):
    """Checks, and prints the notes of a version if one is given."""
    changelog = CHANGELOG.read_text(encoding="utf-8")
    versions = {name: read((ROOT / name).read_text(encoding="utf-8")) for name, read in VERSIONS.items()}
    wrong = list(problems(changelog, versions))
    if wrong:
        sys.exit("\n".join(wrong))
    for version in arguments:
        text = notes(changelog, version)
        if text is None:
            sys.exit(f"{version} is not the newest version in CHANGELOG.md")
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
