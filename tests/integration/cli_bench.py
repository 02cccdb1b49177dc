#!/usr/bin/env python3
"""`callerapi bench` makes as many calls as it was told, as many at once, over as few connections, and its
exit code says whether any answer was wrong. Usage: cli_bench.py CALLERAPI PLUGIN_DIR"""
import json
import os
import subprocess
import sys
import tempfile

import loopback
from httpbin import free_port

program, plugins = sys.argv[1], sys.argv[2]
faults = []


def bench(*arguments):
    return subprocess.run([program, "--registry", registry, "bench", *arguments], capture_output=True, text=True,
                          timeout=60, check=False)


def expect(what, holds, seen):
    if not holds:
        faults.append(f"{what}: saw {seen}")


def measured(what, *arguments):
    """The figures of a run in which every answer was right."""
    server.in_flight_max = 0
    before = server.requests
    ran = bench(*arguments, "--json")
    expect(f"{what}: exit 0 and nothing said", (ran.returncode, ran.stderr) == (0, ""), ran)
    figures = json.loads(ran.stdout)
    expect(f"{what}: no error", figures["errors"] == 0, figures)
    expect(f"{what}: all arrived", server.requests - before >= figures["calls"], server.requests - before)
    for name in ("calls_per_second", "cpu_us_per_call", "p50_us", "p99_us"):
        expect(f"{what}: {name}", figures[name] > 0, figures)
    # The kernel samples this part: a short run may have none.
    expect(f"{what}: user_us_per_call", 0 <= figures["user_us_per_call"] <= figures["cpu_us_per_call"], figures)
    expect(f"{what}: p50 <= p99", figures["p50_us"] <= figures["p99_us"], figures)
    return figures, server.requests - before


def refused(what, code, said, *arguments):
    ran = bench(*arguments)
    lines = ran.stderr.strip().splitlines()
    expect(f"{what}: exit {code} and '{said}'", ran.returncode == code and said in ran.stderr and
           (code == 2 or len(lines) == 1), ran)
    return ran


with loopback.running() as (server, port), tempfile.TemporaryDirectory() as folder:
    registry = os.path.join(folder, "registry.toml")
    with open(registry, "w", encoding="utf-8") as file:
        file.write(f'schema = 1\n[caller]\nplugin_dir = "{plugins}"\n[services.anything]\nplugin = "http"\n'
                   f'base_url = "http://127.0.0.1:{port}"\n[services.httpbin]\nplugin = "httpbin"\n'
                   f'base_url = "http://127.0.0.1:{port}"\n[services.nobody]\nplugin = "http"\n'
                   f'base_url = "http://127.0.0.1:{free_port()}"\nretry.max_attempts = 1\n')

    refused("a method without a path", 2, "callerapi: bench: the method GET needs a path behind it: bench anything GET /; or "
            "name an endpoint", "anything", "GET")
    refused("no requests", 2, "--requests: Value 0 not in range 1 to 1000000000000", "anything", "GET", "/", "--requests", "0")
    refused("no duration", 2, "callerapi: --duration: '5' is no duration", "anything", "GET", "/", "--duration", "5")
    figures, arrived = measured("async", "anything", "GET", "/wait/5", "--requests", "100", "--concurrency", "10")
    expect("async: exactly 100 calls", (figures["calls"], arrived) == (100, 100), (figures, arrived))
    expect("async: 10 at once", server.in_flight_max == 10, server.in_flight_max)
    expect("async: a connection for each", figures["connections_opened"] == 10, figures)
    expect("async: 5 ms each", figures["p50_us"] >= 5000, figures)

    figures, arrived = measured("sync", "anything", "GET", "/wait/5", "--requests", "60", "--sync", "--threads", "3")
    expect("sync: exactly 60 calls", (figures["calls"], arrived) == (60, 60), (figures, arrived))
    expect("sync: 3 at once", server.in_flight_max == 3, server.in_flight_max)

    figures, arrived = measured("warm-up", "anything", "GET", "/", "--requests", "40", "--warmup", "7")
    expect("warm-up is not counted", (figures["calls"], arrived) == (40, 47), (figures, arrived))

    figures, _ = measured("by name, for a time", "httpbin", "bytes", "--param", "count=3", "--duration", "300ms")
    expect("for a time", figures["calls"] > 3 and 0.25 < figures["seconds"] < 30, figures)

    measured("a body", "anything", "POST", "/", "--body", '{"a":1}', "--requests", "20", "--expect-bytes", "1")
    measured("a body that is not kept", "anything", "GET", "/down/20000000", "--requests", "2", "--discard",
             "--sync", "--expect-bytes", "20000000")
    table = bench("anything", "GET", "/", "--requests", "5")
    expect("the table", table.returncode == 0 and "calls a second" in table.stdout, table)

    refused("a wrong body", 1, "9 of 9 answers were wrong or missing; the first: a body of 1 bytes, not of 4",
            "anything", "GET", "/", "--requests", "9", "--expect-bytes", "4")
    refused("nobody answers", 1, "30 of 30 answers were wrong or missing; the first: nobody GET: connect_error", "nobody", "GET", "/",
            "--requests", "30")
    refused("a status of 404", 1, "3 of 3 answers were wrong or missing; the first: the service answered HTTP 404",
            "anything", "GET", "/status/404", "--requests", "3")
    ran = refused("a call nobody can make", 2, "did you mean 'get'?", "httpbin", "gett")
    expect("it ends at once, without a table", ran.stdout == "", ran)
    refused("no such service, a million times", 2, "did you mean 'anything'?", "anythin", "GET", "/",
            "--requests", "1000000")
    refused("both ends", 2, "excludes", "anything", "GET", "/", "--requests", "3", "--duration", "1s")
    refused("threads without --sync", 2, "requires", "anything", "GET", "/", "--threads", "3")

for fault in faults:
    print(fault)
print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
