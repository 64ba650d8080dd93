#!/usr/bin/env python3
"""Prints the licences of the crates that are in the functions, each text once, for those who hand on the
built functions: the licences ask for that.

    notices.py > THIRD-PARTY-NOTICES.txt

A crate that comes without the text of its licence is listed with its authors and its repository.
"""

import json
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How the names of files begin that hold a licence, or what it asks to keep.
PREFIXES = ("license", "licence", "copying", "copyright", "notice", "unlicense")
RULE = "=" * 78


def described():
    """What Cargo says of the packages, and which of them need which on Linux."""
    targets = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
    filters = [argument for target in targets for argument in ("--filter-platform", target)]
    command = ["cargo", "metadata", "--locked", "--format-version=1", *filters]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def linked(metadata, is_root):
    """The ids of the packages that end up in the roots: no tests', no build scripts', no macros'.

    >>> def package(name, kind="lib"):
    ...     return {"id": name, "name": name, "targets": [{"kind": [kind]}]}
    >>> def node(name, *needs):
    ...     needed = [{"pkg": other, "dep_kinds": [{"kind": kind}]} for other, kind in needs]
    ...     return {"id": name, "deps": needed}
    >>> packages = [package("f", "bin"), package("a"), package("b"), package("m", "proc-macro"), package("t")]
    >>> nodes = [node("f", ("a", None), ("t", "dev")), node("a", ("b", None), ("m", None), ("t", "build"))]
    >>> nodes += [node("b"), node("m", ("t", None)), node("t")]
    >>> metadata = {"packages": packages, "resolve": {"nodes": nodes}}
    >>> sorted(linked(metadata, lambda package: package["name"] == "f"))
    ['a', 'b', 'f']
    """
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found = set()
    left = [package["id"] for package in packages.values() if is_root(package)]
    while left:
        one = left.pop()
        is_macro = any("proc-macro" in target["kind"] for target in packages[one]["targets"])
        if one in found or is_macro:
            continue
        found.add(one)
        for needed in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in needed["dep_kinds"]):
                left.append(needed["pkg"])
    return found


def texts(folder):
    """The texts of the licences in a package's folder, by the names of their files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, text in {"LICENSE-MIT": "be kind\\r\\n", "license.rs": "code", "lib.rs": "x"}.items():
    ...         _ = (Path(folder) / name).write_text(text)
    ...     texts(Path(folder))
    ['be kind']
    """
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix != ".rs")
    chosen = [file for file in files if file.name.lower().startswith(PREFIXES)]
    return [file.read_text(errors="replace").strip() for file in chosen]


def is_function(package):
    """Whether a package is one of the functions."""
    return ROOT / "functions" in Path(package["manifest_path"]).parents


def main():
    """Prints the crates under each text."""
    metadata = described()
    ids = linked(metadata, is_function)
    crates_of = defaultdict(list)
    for package in sorted(metadata["packages"], key=lambda one: (one["name"], one["version"])):
        if package["id"] not in ids or package["source"] is None:
            continue
        crate = f"{package['name']} {package['version']} ({package['license']})"
        authors = ", ".join(package["authors"]) or "the authors of the crate"
        elsewhere = f"The package has no text of the licence. By {authors}; see {package['repository']}"
        for text in texts(Path(package["manifest_path"]).parent) or [elsewhere]:
            crates_of[text].append(crate)
    print("The functions of Activity Logs contain these crates, under these licences.")
    for text, crates in crates_of.items():
        print("", RULE, *crates, RULE, "", text, sep="\n")


if __name__ == "__main__":
    main()
