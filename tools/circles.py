#!/usr/bin/env python3
"""Finds circles between the modules of Rust crates: files that need each other, also by way of others.

    python3 tools/circles.py [--check] FOLDER...

Each FOLDER is a `src` folder. A file with its own `main.rs` or `lib.rs` beside or above it belongs to that
crate, so a folder may hold several. The script prints each circle with the names by which its files lead to
each other. With `--check`, it exits with status 1 if there is one.

A file needs another one if it names it, or an item in it: in `use`, or by a path in its code. Three things do
not count:

- unit tests (`#[cfg(test)] mod …`), which may name whatever they test;
- `pub use`, by which a module shows what its children hold and needs nothing itself;
- calls of methods, whose type this script does not know.
"""

import argparse
import collections
import pathlib
import re
import sys

VISIBILITY = r"(?:pub(?:\([^)]*\))?\s+)?"
USE = re.compile(rf"\b(?P<visibility>{VISIBILITY})use\s+(?P<tree>[^;]+);")
ITEM = re.compile(
    rf"^\s*{VISIBILITY}(?:default\s+|async\s+|const\s+|unsafe\s+)*"
    r"(?:fn|struct|enum|union|trait|type|const|static|macro_rules!)\s+(?:mut\s+)?(\w+)",
    re.MULTILINE,
)
TEST_MODULE = re.compile(rf"^\s*#\[cfg\(test\)\]\s*\n\s*{VISIBILITY}mod\s+\w+\s*(?:\{{|;)", re.MULTILINE)
ROOTS = ("lib.rs", "main.rs")

Module = tuple[str, ...]


class Crates:
    """The modules below one folder: each a path of names, whose first ones are the folders of its crate."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.files: dict[Module, pathlib.Path] = {}
        self.roots: set[Module] = set()
        for file in sorted(folder.rglob("*.rs")):
            *parents, name = file.relative_to(folder).parts
            is_second_root = name == "main.rs" and file.with_name("lib.rs").exists()
            if is_second_root:
                # A binary beside a library is a crate of its own, and names the library like any other.
                continue
            module = tuple(parents) if name in (*ROOTS, "mod.rs") else (*parents, file.stem)
            self.files[module] = file
            if name in ROOTS:
                self.roots.add(module)
        self.code = {module: code_of(file.read_text()) for module, file in self.files.items()}
        self.items = {module: set(ITEM.findall(code)) for module, code in self.code.items()}
        self.uses = {
            module: [path for use in USE.finditer(code) for path in paths_of(use["tree"])]
            for module, code in self.code.items()
        }

    def root_of(self, module: Module) -> Module:
        """The root of the crate that a module is in."""
        above = (module[:length] for length in range(len(module), -1, -1))
        return next((root for root in above if root in self.roots), ())

    def resolve(self, module: Module, path: str, depth: int = 0) -> Module | None:
        """The file that a path leads to from a module; nothing if that is in another crate."""
        names = re.sub(r"\s+as\s+\w+$", "", path).split("::")
        found = module
        if names[0] == "crate":
            found, names = self.root_of(module), names[1:]
        elif names[0] == "self":
            names = names[1:]
        elif names[0] == "super":
            while names and names[0] == "super":
                found, names = found[:-1], names[1:]
        elif (*module, names[0]) not in self.files:
            return None
        while names and (*found, names[0]) in self.files:
            found, names = (*found, names[0]), names[1:]
        is_item = names and names[0] not in ("self", "*")
        if is_item and names[0] not in self.items.get(found, ()) and depth < 8:
            # Not its own: what it has from elsewhere leads on to where it is from.
            for use in self.uses.get(found, ()):
                if re.split(r"\s+as\s+|::", use)[-1] == names[0]:
                    source = self.resolve(found, use, depth + 1)
                    if source is not None:
                        return source
        return found if found in self.files else None

    def needs(self) -> dict[Module, dict[Module, set[str]]]:
        """For each module, the others that it needs, and the paths by which it names them."""
        needs: dict[Module, dict[Module, set[str]]] = {}
        for module, code in self.code.items():
            own = [use["tree"] for use in USE.finditer(code) if not use["visibility"]]
            paths = [path for tree in own for path in paths_of(tree)]
            body = USE.sub("", code)
            paths += re.findall(r"\b((?:crate|super|self)(?:::\w+)+)", body)
            children = re.findall(r"(?<![:\w])([a-z_]\w*(?:::\w+)+)", body)
            paths += [path for path in children if (*module, path.split("::")[0]) in self.files]
            needs[module] = collections.defaultdict(set)
            for path in paths:
                other = self.resolve(module, path)
                if other is not None and other != module:
                    needs[module][other].add(path)
        return needs


def code_of(text: str) -> str:
    """The text of a file without comments and unit tests."""
    text = re.sub(r"(?<!:)//.*", "", text)
    tests = TEST_MODULE.search(text)
    return text[: tests.start()] if tests else text


def paths_of(tree: str) -> list[str]:
    """The paths of a `use`, one for each name in its braces."""
    tree = tree.strip()
    start = tree.find("{")
    if start < 0:
        return [tree]
    parts, depth, part = [], 0, ""
    for letter in tree[start + 1 : tree.rfind("}")]:
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += letter
    parts.append(part)
    return [tree[:start].strip() + path for part in parts if part.strip() for path in paths_of(part)]


def circles(needs: dict[Module, dict[Module, set[str]]]) -> list[list[Module]]:
    """The sets of modules each of which leads to all others of its set: Tarjan's strong components."""
    order: dict[Module, int] = {}
    lowest: dict[Module, int] = {}
    stack: list[Module] = []
    found: list[list[Module]] = []

    def visit(module: Module) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for other in needs[module]:
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            start = stack.index(module)
            circle = stack[start:]
            del stack[start:]
            if len(circle) > 1:
                found.append(sorted(circle))

    for module in needs:
        if module not in order:
            visit(module)
    return found


def main() -> int:
    options = argparse.ArgumentParser(description="Finds circles between the modules of Rust crates.")
    options.add_argument("--check", action="store_true", help="exit with status 1 if there is a circle")
    options.add_argument("folders", nargs="+", metavar="FOLDER", type=pathlib.Path, help="a src folder")
    chosen = options.parse_args()
    count = 0
    for folder in chosen.folders:
        if not folder.is_dir():
            options.error(f"{folder} is not a folder")
        crates = Crates(folder)
        needs = crates.needs()
        for circle in circles(needs):
            count += 1
            print(f"{folder}: {len(circle)} files need each other")
            for module in circle:
                for other in sorted(set(circle) & set(needs[module])):
                    names = ", ".join(sorted(needs[module][other]))
                    print(f"    {crates.files[module]} -> {crates.files[other]}, by {names}")
    if count:
        circles_found = "1 circle" if count == 1 else f"{count} circles"
        print(f"{circles_found}. Move what both files need to a file that needs neither.")
    return 1 if count and chosen.check else 0


if __name__ == "__main__":
    sys.exit(main())
