#!/usr/bin/python3
"""Pages and their fenced blocks. As a program it writes those of a page that name a file, and touches
none that is as it should be: page.py PAGE FOLDER. The build runs it: no module beyond python3-minimal.
"""
import os
import re
import sys
from collections import namedtuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
Block = namedtuple("Block", "page line language notes text")  # line: of its first line of text


def pages():
    found = ["README.md"]
    for folder in ("docs", "plugins", "bench"):
        for at, _, names in os.walk(os.path.join(ROOT, folder)):
            found += [os.path.relpath(os.path.join(at, n), ROOT) for n in names if n.endswith(".md")]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def blocks_of(page):
    lines, found, at = read(page).splitlines(), [], 0
    while at < len(lines):
        fence = re.match(r"(`{3,})(\w*)\s*$", lines[at])
        at += 1
        if not fence:
            continue
        start = at
        while at < len(lines) and lines[at].rstrip() != fence.group(1):
            at += 1
        comment = re.fullmatch(r"<!--(.*)-->\s*", lines[start - 2]) if start > 1 else None
        notes = dict(re.findall(r"(\w+): (\S+)", comment.group(1))) if comment else {}
        found.append(Block(page, start + 1, fence.group(2), notes, "\n".join(lines[start:at]) + "\n"))
        at += 1
    return found


def extract(page, folder):
    os.makedirs(folder, exist_ok=True)
    for block in blocks_of(os.path.relpath(page, ROOT)):
        path = os.path.join(folder, block.notes.get("file", ""))
        if "file" in block.notes and not (os.path.exists(path) and read(path) == block.text):
            write(path, block.text)


if __name__ == "__main__":
    extract(*sys.argv[1:])
