#!/usr/bin/env python3
"""House rules a compiler cannot see: floors, foreign headers, catch blocks, lengths.

Prints one line per breach, `file:line: rule; what would be right`, and exits 1 when there is any.
With --self-test it checks its own rules on good and bad text.
"""
import os
import re
import subprocess
import sys

FLOORS = ["base", "wire", "pool", "policy", "catalogue", "host", "registry", "caller", "ops"]
PUBLIC = "callerapi/"
FILE_LINES_MAX, FUNCTION_LINES_MAX, PUBLIC_HEADER_LINES_MAX = 400, 70, 200

# Third-party headers and the only places they may be included from.
FOREIGN = [
    (r"Poco/Net/", r"framework/src/(wire|ops)/|plugins/\w+/service|plugins/common/|framework/cli/"),
    (r"Poco/", r"framework/src/(base|wire|ops)/|plugins/\w+/service|plugins/common/|framework/cli/"),
    (r"ares\.h", r"framework/src/wire/(dns_channel|service_records)\.cpp"),
    (r"openssl/", r"framework/src/wire/|(framework/src/base|plugins/common)/digest\.cpp"),
    (r"boost/dll", r"framework/src/host/"),
    (r"boost/unordered", r"framework/src/catalogue/snapshot\.hpp"),
    (r"toml\+\+", r"framework/src/registry/"),
    (r"boost/json", r"framework/src/base/json\.cpp|plugins/problem_json/problem_json\.cpp"),
    (r"CLI/", r"framework/cli/"),
    (r"zlib\.h", r"framework/src/wire/(inflate|deflate)\.cpp"),
]
# Floors 1 to 3 reach threads only through these files (decision 21).
THREADS = r"std::(thread|jthread|condition_variable)|\bthread_local\b"
THREAD_FILES = {"framework/src/wire/reactor.hpp", "framework/src/wire/reactor.cpp",
                "framework/src/wire/workers.cpp"}


def include_breaches(path, text):
    match = re.match(r"framework/src/(\w+)/", path)
    floor = FLOORS.index(match.group(1)) if match else None
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#include [<"]([^>"]+)[>"]', line)
        if not found:
            continue
        name = found.group(1)
        top = name.split("/")[0]
        if floor is not None and top in FLOORS and FLOORS.index(top) > floor:
            yield number, f"{FLOORS[floor]} includes {name} of a higher floor; data flows down"
        if path.startswith("framework/include/") and not name.startswith(PUBLIC) and "/" in name:
            yield number, f"public header includes {name}; the standard library only"
        for pattern, allowed in FOREIGN:
            if re.match(pattern, name):
                if path.startswith(("framework/", "plugins/")) and not re.match(allowed, path):
                    yield number, f"{name} may be included from {allowed} only"
                break


def thread_breaches(path, text):
    if not re.match(r"framework/src/(wire|pool|policy)/", path) or path in THREAD_FILES:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(THREADS, line.split("//")[0]):
            yield number, "threads belong to wire/reactor.cpp and wire/workers.cpp; use Loop"


def length_breaches(path, text):
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield len(lines), f"file of {len(lines)} lines, at most {FILE_LINES_MAX}"
    if path.startswith("framework/include/") and len(lines) > PUBLIC_HEADER_LINES_MAX:
        yield len(lines), f"public header of {len(lines)} lines, at most {PUBLIC_HEADER_LINES_MAX}"
    # Formatted code closes a body at the indentation of the line its head began on.
    opened = []
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip())
        body = line.strip()
        if body.startswith("}"):
            while opened and opened[-1][0] > indent:
                opened.pop()
            if opened and opened[-1][0] == indent:
                _, start, function = opened.pop()
                if function and number - start + 1 > FUNCTION_LINES_MAX:
                    yield start, f"function of {number - start + 1} lines, at most {FUNCTION_LINES_MAX}"
        if body.endswith("{") and not body.startswith(("//", "#", "*")):
            # A head may be wrapped: walk back to the line that began it.
            start = number
            while indent and start > 1 and len(lines[start - 2]) - len(lines[start - 2].lstrip()) < indent \
                    and not lines[start - 2].rstrip().endswith((";", "{", "}", ":")) and lines[start - 2].strip():
                start -= 1
                indent = len(lines[start - 1]) - len(lines[start - 1].lstrip())
            head = " ".join(lines[start - 1:number])
            function = "(" in head and not re.match(r"\s*(if|for|while|switch|else|namespace|class|struct|enum|do|\})\b", head)
            opened.append((indent, start, function))


def breaches(path, text):
    yield from include_breaches(path, text)
    yield from thread_breaches(path, text)
    yield from length_breaches(path, text)


def self_test():
    def rules(path, text):
        return [message for _, message in breaches(path, text)]

    assert rules("framework/src/wire/a.cpp", '#include "pool/x.hpp"\n')
    assert not rules("framework/src/pool/a.cpp", '#include "wire/x.hpp"\n')
    assert rules("framework/include/callerapi/a.hpp", "#include <Poco/Net/X.h>\n")
    assert rules("framework/src/pool/a.cpp", "#include <Poco/Net/X.h>\n")
    assert rules("framework/src/pool/a.cpp", "#include <boost/unordered/unordered_flat_map.hpp>\n")
    assert rules("framework/src/pool/a.cpp", "std::thread t;\n")
    assert not rules("framework/src/wire/reactor.cpp", "std::thread t;\n")
    assert rules("a.cpp", "void f() {\n" + "  g();\n" * 70 + "}\n")
    assert not rules("a.cpp", "void f() {\n" + "  g();\n" * 68 + "}\n")
    assert rules("a.cpp", "namespace a {\n" + "int x;\n" * 400 + "}\n")


def main():
    self_test()
    if "--self-test" in sys.argv:
        return 0
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.cpp", "*.hpp", "*.h", "*.py", "dev"],
        capture_output=True, text=True, check=True).stdout.split()
    count = 0
    for path in names:
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            for number, message in breaches(path, file.read()):
                print(f"{path}:{number}: {message}")
                count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
