#!/usr/bin/env python3
"""Holds the crates of the workspace against deny.toml: licences, sources and duplicate versions.

    dependencies.py

cargo-deny checks the same, and advisories; but it takes minutes to build, and advisories change while the
project does not. This needs nothing but Python and Cargo, so that a change of Cargo.lock is judged where it
is made. It accepts no more than cargo-deny does: the sections of deny.toml that both read must have the
strictest settings, and no key that this file does not know. It is stricter in one thing. An entry is an error
if everything would be accepted without it; for cargo-deny a licence is needed if a crate merely mentions it.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

# What deny.toml must say, by section, and the keys that are read or that only cargo-deny needs.
REQUIRED = {
    "graph": {"all-features": True},
    "licenses": {"unused-allowed-license": "deny", "unused-license-exception": "deny"},
    "bans": {"multiple-versions": "deny", "multiple-versions-include-dev": True},
    "sources": {"unknown-registry": "deny", "unknown-git": "deny"},
}
OTHERS = {
    "graph": {"targets"},
    "licenses": {"allow", "exceptions"},
    "bans": {"skip", "wildcards", "allow-wildcard-paths"},
    "sources": {"allow-registry", "allow-git"},
}


class Crate(NamedTuple):
    """A package of the workspace or of its dependencies, as Cargo describes it."""

    name: str
    version: str
    # An SPDX expression; None if the package has only a file, or nothing.
    license: str | None = "MIT"
    # `registry+URL` or `git+URL?query#commit`; None if it is a folder.
    source: str | None = None

    def __str__(self):
        """The name and the version."""
        return f"{self.name} {self.version}"


def parse(text):
    """The SPDX expression of `text`: a licence, or a tuple of `AND` or `OR` and its two sides.

    AND binds more closely than OR, and WITH more closely than both:

    >>> parse("MIT")
    'MIT'
    >>> parse("ISC AND (Apache-2.0 OR ISC)")
    ('AND', 'ISC', ('OR', 'Apache-2.0', 'ISC'))
    >>> parse("MIT OR Apache-2.0 AND ISC")
    ('OR', 'MIT', ('AND', 'Apache-2.0', 'ISC'))
    >>> parse("MIT AND ISC AND Zlib") == parse("(MIT AND ISC) AND Zlib")
    True
    >>> parse("Apache-2.0 WITH LLVM-exception OR MIT")
    ('OR', 'Apache-2.0 WITH LLVM-exception', 'MIT')

    A slash is how old manifests write OR:

    >>> parse("MIT/Apache-2.0") == parse("MIT / Apache-2.0") == parse("MIT OR Apache-2.0")
    True

    All else is an error:

    >>> for wrong in ["", "MIT OR", "MIT ISC", "(MIT", "MIT)", "OR MIT", "MIT WITH", "MIT, ISC"]:
    ...     try:
    ...         print(parse(wrong))
    ...     except ValueError as error:
    ...         print(error)
    it ends where a licence must stand
    it ends where a licence must stand
    `ISC` is where `AND` or `OR` must stand
    it ends where `)` must stand
    `)` is where `AND` or `OR` must stand
    `OR` is where a licence must stand
    it ends where an exception must stand
    `,` is where `AND` or `OR` must stand
    """
    tokens = re.findall(r"[\w.:+-]+|\S", text)

    def peek():
        return tokens[0] if tokens else None

    def refuse(expected):
        found = f"`{tokens[0]}` is" if tokens else "it ends"
        raise ValueError(f"{found} where {expected} must stand")

    def word(expected):
        if not tokens or tokens[0] in {"AND", "OR", "WITH"} or not re.fullmatch(r"[\w.:+-]+", tokens[0]):
            refuse(expected)
        return tokens.pop(0)

    def simple():
        if peek() == "(":
            tokens.pop(0)
            inner = either()
            if peek() != ")":
                refuse("`)`")
            tokens.pop(0)
            return inner
        name = word("a licence")
        if peek() == "WITH":
            tokens.pop(0)
            name += " WITH " + word("an exception")
        return name

    def both():
        side = simple()
        while peek() == "AND":
            tokens.pop(0)
            side = ("AND", side, simple())
        return side

    def either():
        side = both()
        while peek() in {"OR", "/"}:
            tokens.pop(0)
            side = ("OR", side, both())
        return side

    expression = either()
    if tokens:
        refuse("`AND` or `OR`")
    return expression


def accepted(expression, licences):
    """Whether someone who accepts `licences`, and no others, may use what has this expression.

    >>> accepted(parse("MIT OR GPL-3.0-only"), {"MIT"})
    True
    >>> accepted(parse("MIT AND GPL-3.0-only"), {"MIT"})
    False
    >>> accepted(parse("Apache-2.0 WITH LLVM-exception"), {"Apache-2.0"})
    False
    """
    match expression:
        case ("AND", left, right):
            return accepted(left, licences) and accepted(right, licences)
        case ("OR", left, right):
            return accepted(left, licences) or accepted(right, licences)
        case licence:
            return licence in licences


def licences_in(expression):
    """The licences that an expression names.

    >>> sorted(licences_in(parse("(MIT/Apache-2.0) AND MIT")))
    ['Apache-2.0', 'MIT']
    """
    if isinstance(expression, str):
        return {expression}
    return licences_in(expression[1]) | licences_in(expression[2])


def covers(spec, crate):
    """Whether an entry's `crate` is this one: `name`, or `name@version` with any number of the parts.

    >>> [covers(spec, Crate("syn", "2.0.119")) for spec in ["syn", "syn@2", "syn@2.0", "syn@2.0.119"]]
    [True, True, True, True]
    >>> [covers(spec, Crate("syn", "2.0.119")) for spec in ["sy", "syn@3", "syn@2.0.1", "syn@2.0.119.1"]]
    [False, False, False, False]
    """
    name, _, version = spec.partition("@")
    return name == crate.name and (not version or f"{crate.version}.".startswith(f"{version}."))


def licence_problems(policy, crates):
    """What is wrong with the licences.

    >>> policy = {"allow": ["MIT"], "exceptions": [{"crate": "foldhash", "allow": ["Zlib"]}]}
    >>> used = [Crate("a", "1.0.0"), Crate("foldhash", "0.1.5", "Zlib AND MIT")]
    >>> list(licence_problems(policy, used))
    []
    >>> bad = [Crate("b", "2.0.0", "MIT AND Zlib"), Crate("c", "3.0.0", None), Crate("d", "4.0.0", "MIT,")]
    >>> for problem in licence_problems(policy, [*used, *bad]):
    ...     print(problem)
    b 2.0.0 has the licence `MIT AND Zlib`, of which Zlib is not allowed: do without the crate, or add to \
`allow`, or to `exceptions` for this crate alone
    c 3.0.0 states no licence: do without the crate
    d 4.0.0 has the licence `MIT,`, which is no SPDX expression, since `,` is where `AND` or `OR` must stand
    >>> for problem in licence_problems(policy | {"allow": ["MIT", "ISC"]}, used[:1]):
    ...     print(problem)
    no crate needs `ISC` in `allow`: remove it
    no crate needs `Zlib` in the exception for foldhash: remove it
    """
    allowed = set(policy["allow"])
    exceptions = policy.get("exceptions", [])
    entries = [(entry["crate"], licence) for entry in exceptions for licence in entry["allow"]]
    needed = set()
    for crate in crates:
        if crate.license is None:
            yield f"{crate} states no licence: do without the crate"
            continue
        try:
            expression = parse(crate.license)
        except ValueError as error:
            yield f"{crate} has the licence `{crate.license}`, which is no SPDX expression, since {error}"
            continue
        excepted = {entry for entry in entries if covers(entry[0], crate)}
        # Every licence with the entry that allows it; one that two entries allow needs neither.
        grants = [*((licence, licence) for licence in allowed), *((entry[1], entry) for entry in excepted)]
        if not accepted(expression, {licence for licence, _ in grants}):
            refused = ", ".join(sorted(licences_in(expression) - {licence for licence, _ in grants}))
            yield (
                f"{crate} has the licence `{crate.license}`, of which {refused} is not allowed: do without "
                "the crate, or add to `allow`, or to `exceptions` for this crate alone"
            )
        for _, grant in grants:
            if not accepted(expression, {licence for licence, other in grants if other != grant}):
                needed.add(grant)
    for licence in sorted(allowed - needed):
        yield f"no crate needs `{licence}` in `allow`: remove it"
    for spec, licence in entries:
        if (spec, licence) not in needed:
            yield f"no crate needs `{licence}` in the exception for {spec}: remove it"


def version_problems(policy, crates):
    """What is wrong with crates that there are in several versions.

    >>> crates = [Crate("syn", version) for version in ["1.0.9", "2.0.119", "3.0.10"]]
    >>> crates.append(Crate("url", "2.5.8"))
    >>> skip = [{"crate": f"syn@{version}", "reason": "macros"} for version in (1, 2, 3, 4)]
    >>> list(version_problems({"skip": skip[:2]}, crates))
    []
    >>> def show(entries):
    ...     for problem in version_problems({"skip": entries}, crates):
    ...         print(problem)
    >>> show(skip[:1])
    syn is built in the versions 2.0.119, 3.0.10: have all that need it agree on one, or add the older to \
`skip`, with a reason
    >>> show(skip[:3])
    `skip` leaves no version of syn: remove one of its entries
    >>> show([*skip[:2], skip[3]])
    `skip` has syn@4, and no such version is built: remove it
    >>> show([*skip[:2], {"crate": "url@2", "reason": "macros"}])
    `skip` has url@2, and url is built in one version: remove it
    >>> show([skip[0], {"crate": "syn@2"}])
    `skip` has syn@2 without a reason
    >>> show([*skip[:2], {"crate": "url", "reason": "macros"}])
    `skip` has url without a version
    """
    versions = defaultdict(list)
    for crate in crates:
        versions[crate.name].append(crate)
    skip = policy.get("skip", [])
    for entry in skip:
        spec = entry["crate"]
        same = versions[spec.partition("@")[0]]
        if not entry.get("reason"):
            yield f"`skip` has {spec} without a reason"
        if "@" not in spec:
            yield f"`skip` has {spec} without a version"
        elif not any(covers(spec, crate) for crate in same):
            yield f"`skip` has {spec}, and no such version is built: remove it"
        elif len(same) == 1:
            yield f"`skip` has {spec}, and {same[0].name} is built in one version: remove it"
    for name, same in sorted(versions.items()):
        left = [crate for crate in same if not any(covers(entry["crate"], crate) for entry in skip)]
        if len(left) > 1:
            several = ", ".join(crate.version for crate in left)
            yield (
                f"{name} is built in the versions {several}: have all that need it agree on one, or add the "
                "older to `skip`, with a reason"
            )
        elif len(same) > 1 and not left:
            yield f"`skip` leaves no version of {name}: remove one of its entries"


def source_problems(policy, crates):
    """What is wrong with where crates come from.

    >>> registry = "https://github.com/rust-lang/crates.io-index"
    >>> ours, theirs = Crate("ours", "0.1.0"), Crate("url", "2.5.8", source=f"registry+{registry}")
    >>> list(source_problems({"allow-registry": [registry]}, [ours, theirs]))
    []
    >>> other = Crate("jiff", "0.2.0", source="git+https://example.com/jiff?branch=main#0123abcd")
    >>> policy = {"allow-registry": [registry, "https://example.com"]}
    >>> for problem in source_problems(policy, [theirs, other]):
    ...     print(problem)
    jiff 0.2.0 comes from git+https://example.com/jiff: take it from crates.io, or add this to `allow-git`
    no crate comes from https://example.com in `allow-registry`: remove it
    """
    keys = {"registry": "allow-registry", "sparse": "allow-registry", "git": "allow-git"}
    unused = {(key, url) for key in set(keys.values()) for url in policy.get(key, [])}
    allowed = set(unused)
    for crate in crates:
        if crate.source is None:
            continue
        kind, _, url = re.sub(r"[?#].*", "", crate.source).partition("+")
        key = keys.get(kind, "allow-registry")
        if (key, url) not in allowed:
            yield f"{crate} comes from {kind}+{url}: take it from crates.io, or add this to `{key}`"
        unused.discard((key, url))
    for key, url in sorted(unused):
        yield f"no crate comes from {url} in `{key}`: remove it"


def setting_problems(policy):
    """What deny.toml says otherwise than this file expects, or what this file cannot judge.

    >>> good = {section: dict(keys) for section, keys in REQUIRED.items()}
    >>> good["graph"]["targets"], good["licenses"]["allow"] = ["x86_64-unknown-linux-gnu"], ["MIT"]
    >>> list(setting_problems(good))
    []
    >>> for problem in setting_problems(good | {"sources": {"unknown-registry": "warn", "allow-org": {}}}):
    ...     print(problem)
    [sources] has `unknown-registry = 'warn'`, which must be 'deny'
    [sources] has `unknown-git = None`, which must be 'deny'
    [sources] has `allow-org`, which tools/dependencies.py does not know
    >>> for problem in setting_problems(REQUIRED):
    ...     print(problem)
    [graph] has no `targets`
    [licenses] has no `allow`
    """
    for section, settings in REQUIRED.items():
        found = policy.get(section, {})
        for key, value in settings.items():
            if found.get(key) != value:
                yield f"[{section}] has `{key} = {found.get(key)!r}`, which must be {value!r}"
        for key in sorted(found.keys() - settings.keys() - OTHERS[section]):
            yield f"[{section}] has `{key}`, which tools/dependencies.py does not know"
    for section, key in [("graph", "targets"), ("licenses", "allow")]:
        if not policy.get(section, {}).get(key):
            yield f"[{section}] has no `{key}`"


def crates_of(targets):
    """The crates that are built for one of the targets or for the machine that builds, with all features.

    `cargo metadata` also has those of features that nobody turns on, so `cargo tree` says which are built.
    """

    def cargo(*arguments):
        command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked", "--all-features"]
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    # The first of the two downloads what it needs to know of crates that only another system builds.
    filters = [f"--filter-platform={target}" for target in targets]
    metadata = json.loads(cargo("metadata", "--quiet", "--format-version=1", *filters))
    edges = "--edges=normal,build,dev"
    targets = [f"--target={target}" for target in targets]
    tree = cargo("tree", "--quiet", "--workspace", edges, "--prefix=none", "--format={p}", *targets)
    built = set(re.findall(r"^(\S+) v(\S+)", tree, re.MULTILINE))
    crates = [
        Crate(package["name"], package["version"], package["license"], package["source"])
        for package in metadata["packages"]
        if (package["name"], package["version"]) in built
    ]
    unknown = built - {(crate.name, crate.version) for crate in crates}
    if not crates or unknown:
        sys.exit(f"cargo tree and cargo metadata do not agree on {sorted(unknown) or 'any crate'}")
    return crates


def main():
    """Prints what is wrong, and exits with 1 if anything is."""
    policy = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    problems = [f"deny.toml: {problem}" for problem in setting_problems(policy)]
    if not problems:
        try:
            crates = crates_of(policy["graph"]["targets"])
        except subprocess.CalledProcessError as error:
            sys.exit(f"`{' '.join(error.cmd[:2])}` failed")
        for section, check in [
            ("licenses", licence_problems),
            ("bans", version_problems),
            ("sources", source_problems),
        ]:
            problems += [f"deny.toml [{section}]: {problem}" for problem in check(policy[section], crates)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit("`cargo tree --target all --workspace --invert NAME@VERSION` shows what needs a crate")


if __name__ == "__main__":
    main()
