#!/usr/bin/env python3
"""Whether what the pages of this project refer to is there: `tools/links.py` prints what is not.

A link to a file must lead to one, and a link to a part of a page to a heading. A source file between backticks,
such as `store/read/page.rs`, must be the end of the path of a file; `NAME` stands for any name.

>>> anchors("# What it is\\n## `limit`, and more\\n```sh\\n# no heading\\n```\\n## What it is\\n")
['what-it-is', 'limit-and-more', 'what-it-is-1']
>>> links("[a](b.md#c), ![d](e.svg) and `[f](g)`; <img src=\\"h.png\\"> [i](https://j)")
['b.md#c', 'e.svg', 'h.png']
>>> files("`shared/src/lib.rs`, `NewActivity`, `a/b`, `x/*.rs`, `x/NAME.rs`, `page.rs`, `a.json`")
['shared/src/lib.rs', 'page.rs']
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Folders of what is built or installed.
OTHERS = {".aws-sam", ".git", ".tests", ".tools", ".venv", "node_modules", "target"}


def without_code(page: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)


def anchors(page: str) -> list[str]:
    """What the headings of a page can be linked to by, as GitHub makes it."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", without_code(page), re.M):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        times = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in found)
        found.append(f"{anchor}-{times}" if times else anchor)
    return found


def links(page: str) -> list[str]:
    """Where the links and pictures of a page lead to within the project."""
    text = re.sub(r"`[^`]*`", "", without_code(page))
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    return [one for pair in found for one in pair if one and not re.match(r"[a-z]+:", one)]


def files(page: str) -> list[str]:
    """The source files that a page names."""
    found = re.findall(r"`([\w./-]+\.(?:rs|ts|mjs|py|sh))`", without_code(page))
    return [path for path in found if "NAME" not in path]


def troubles(name: str, page: str, known: list[str]) -> list[str]:
    """What a page refers to and is not there."""
    folder = (ROOT / name).parent
    found = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (folder / path) if path else ROOT / name
        if not target.exists():
            found.append(f"there is no {path}")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8")):
            found.append(f"there is no heading for {link}")
    for path in files(page):
        if not any(f"/{other}".endswith(f"/{path}") for other in known):
            found.append(f"there is no file `{path}`")
    return found


def main() -> int:
    known = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in OTHERS]
        known += [str((Path(folder) / name).relative_to(ROOT)) for name in names]
    failed = False
    for name in sorted(name for name in known if name.endswith(".md")):
        for trouble in troubles(name, (ROOT / name).read_text("utf-8"), known):
            print(f"{name}: {trouble}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
