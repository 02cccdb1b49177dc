#!/usr/bin/env python3
"""run.py with the smallest of everything: it measures ours against nginx, refuses a client whose answers are
wrong, names the clients that are not there, and makes table and plot. Usage: compare_test.py BUILD"""
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import reloads

HERE = os.path.dirname(os.path.abspath(__file__))
WRONG = """#!/bin/sh
echo 'wrong: status 500, 3 bytes' >&2
exit 1
"""


def expect(what, holds, seen):
    if not holds:
        sys.exit(f"{what}: {seen}")


with tempfile.TemporaryDirectory() as build:
    os.mkdir(os.path.join(build, "bin"))
    for part in ("bin/callerapi", "plugins", "libexec", "lib"):
        if os.path.exists(os.path.join(sys.argv[1], part)):
            os.symlink(os.path.join(sys.argv[1], part), os.path.join(build, part))
    wrong = os.path.join(build, "bin", "peer_poco")
    with open(wrong, "w", encoding="utf-8") as file:
        file.write(WRONG)
    os.chmod(wrong, 0o755)
    page = os.path.join(build, "page.md")
    with open(page, "w", encoding="utf-8") as file:
        file.write("before\n<!-- MEASURED: written by bench/report.py -->\nwhat was there\n<!-- END -->\nafter\n")

    ran = subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "--quick", "--runs", "1", "--case", "get_1",
                          "--case", "get_64", "--case", "counted", "--case", "reloads", "--build", build, "--page", page],
                         capture_output=True, text=True, timeout=110, check=False)
    expect("a client with wrong answers is a fault", ran.returncode == 1 and
           "GET, one blocking call after the other: Poco HTTPClientSession, a thread per call: wrong: status 500"
           in ran.stderr, ran)
    expect("who is missing is named", "not measured: bare epoll: " in ran.stdout, ran)
    with open(os.path.join(build, "bench.json"), encoding="utf-8") as file:
        found = json.load(file)
    for case in found["cases"]:
        ours = [client for client in case["clients"] if client["label"].startswith("CallerAPI")]
        expect("ours is measured", len(ours) == 1 and ours[0]["cpu_us_per_call"]["median"] > 0, case)
        expect("whose answers were wrong is not", not any(c["name"] == "poco" for c in case["clients"]), case)
    counted = {client["name"]: client for client in found["counted"]}
    expect("memory of a connection of ours", counted["callerapi"]["bytes_per_connection"] > 0, counted)
    calls = counted["callerapi"]["system_calls"]
    expect("system calls of ours, where there is strace", calls is None or 1.9 < calls < 4, counted)
    expect("what cannot be reloaded is named", "peer_ours_reload was not built" in ran.stdout, ran)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    expect("the page keeps what is around", text.startswith("before\n") and text.endswith("after\n"), text)
    expect("the page has the table", "**CallerAPI, blocking**" in text and "what was there" not in text, text)
    plot = xml.etree.ElementTree.parse(os.path.join(build, "performance.svg")).getroot()
    expect("the plot has a bar for ours", any(bar.get("class") == "ours" for bar in plot.iter()), plot)

# The plot of the reloads, of figures as the program prints them.
line = {key: 100.0 * (i + 1) for i, (key, _) in enumerate(reloads.PARTS)} | {"reloads": 10, "reload_ms": 50.0}
seen = {"services": 1_000, "rate": 3_000, "runs": 1, "lines": [line | {"a_second": n} for n in reloads.A_SECOND]}
plot = xml.etree.ElementTree.fromstring(reloads.svg(seen, "a machine"))
expect("a line each", sum(part.tag.endswith("polyline") for part in plot) == 3, plot)
expect("a row each, and a head", len(list(reloads.rows(seen))) == 4, seen)
print("0 faults")
