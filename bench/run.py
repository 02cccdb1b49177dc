#!/usr/bin/env python3
"""What a call costs through CallerAPI, beside the floor and beside other clients.

One nginx worker on one core, one client at a time on another. Within a case the clients alternate, so that
what else the machine does falls on all of them; figures are medians, and ratios to the first client of
the case are what to compare. A client that cannot run here is named. Every answer is checked.

  run.py [--quick] [--runs N] [--case NAME ...] [--build DIR] [--json FILE] [--page FILE.md]
"""
import argparse
import dataclasses
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import clients as c
import counted
import reloads
import report
import server

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclasses.dataclass
class Case:
    name: str
    title: str
    clients: list
    lanes: int
    requests: int
    tls: bool = False
    post: bool = False
    large: bool = False
    upload: int = 0  # bytes of a body that is made as it is sent
    json: bool = False
    rate: int = 0  # calls a second, begun whether or not others have ended
    reconnect: bool = False
    quick: bool = True

    @property
    def target(self):
        return "/large" if self.large else "/invoice" if self.json else "/answer"

    @property
    def expect_bytes(self):
        return server.LARGE if self.large else len(server.INVOICE if self.json else server.ANSWER)

    @property
    def bulk(self):
        return self.large or self.upload > 0

    @property
    def warmup(self):
        return 0 if self.bulk else min(20 * self.lanes, max(60_000, 3 * self.lanes))


AT_ONCE = [c.FLOOR_EPOLL, c.ASYNC, c.WRK, c.BEAST, c.POCO, c.CURL_MULTI, c.GO, c.HTTPLIB, c.AIOHTTP]
MANY = [c.FLOOR_EPOLL, c.ASYNC, c.WRK, c.BEAST, c.CURL_MULTI, c.GO]
CASES = [
    Case("get_1", "GET, one blocking call after the other",
         [c.FLOOR_POLL, c.SYNC, c.POCO, c.HTTPLIB, c.CURL_EASY, c.GO, c.AIOHTTP], 1, 15_000),
    Case("get_64", "GET, 64 in flight", [*AT_ONCE, c.AIOHTTP_EACH], 64, 60_000),
    Case("post_64", "POST of 1 KB, 64 in flight", AT_ONCE, 64, 60_000, post=True),
    Case("tls_64", "GET over TLS 1.3, 64 in flight",
         [c.FLOOR_EPOLL, c.ASYNC, c.WRK, c.BEAST, c.CURL_MULTI, c.GO, c.AIOHTTP], 64, 40_000, tls=True),
    Case("down_1gib", "1 GiB down", [c.FLOOR_POLL, c.SYNC, c.CURL_EASY, c.POCO, c.HTTPLIB, c.GO, c.AIOHTTP], 1,
         3, large=True),
    Case("up_1gib", "1 GiB up", [c.FLOOR_POLL, c.UPLOAD, c.CURL_EASY, c.POCO, c.GO], 1, 3, upload=server.LARGE),
    Case("json_64", "1 KB of JSON each way, a type on our side, 64 in flight", [c.FLOOR_JSON, c.TYPED], 64, 40_000,
         post=True, json=True),
    Case("resumed_1", "Connect, resume TLS 1.3, one GET", [c.FLOOR_POLL, c.SYNC, c.CURL_EASY, c.GO], 1, 3_000,
         tls=True, reconnect=True),
    Case("open_64", "GET, 10,000 a second whatever the answers do, 64 connections",
         [c.FLOOR_EPOLL, c.OPEN, c.GO], 64, 30_000, rate=10_000),
    Case("threads_8", "GET, 8 threads of blocking calls",
         [c.FLOOR_POLL, c.SYNC, c.POCO, c.CURL_EASY, c.HTTPLIB], 8, 40_000, quick=False),
    Case("threads_64", "GET, 64 threads of blocking calls",
         [c.FLOOR_POLL, c.SYNC, c.POCO, c.CURL_EASY, c.HTTPLIB], 64, 60_000, quick=False),
    Case("get_1000", "GET, 1,000 in flight", MANY, 1_000, 60_000, quick=False),
    Case("get_10000", "GET, 10,000 in flight", MANY, 10_000, 100_000, quick=False),
]


def run_once(command, core):
    """What one client printed, and what the kernel says it used; None when any of its answers was wrong."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", "GOMAXPROCS": "1"},
                               preexec_fn=lambda: server.on_core(core))
    text = process.stdout.read()
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return (text if process.returncode == 0 else None), usage, said.strip()


def by_name(name):
    return next(case for case in CASES if case.name == name)


class Comparison:
    def __init__(self, options, build, core):
        self.build, self.core, self.runs = build, core, options.runs or (3 if options.quick else 5)
        self.scale = 1 / 3 if options.quick else 1
        self.cases = [case for case in CASES if case.name in options.case or not options.case and
                      (case.quick or not options.quick)]
        self.absent, self.faults = {}, []

    def present(self, case):
        out = []
        for client in case.clients:
            why = client.missing(self.build)
            if why:
                self.absent[client.label] = why
            else:
                out.append(client)
        return out

    def measure(self, case, service):
        taken = {client: [] for client in self.present(case)}
        for number in range(self.runs):
            for client in taken:
                say(f"\r\033[K{case.title}: run {number + 1} of {self.runs}, {client.label}")
                requests = max(1, int(case.requests * self.scale * (1 if case.rate else client.share)))
                text, usage, said = run_once(client.command(self.build, service, case, requests), self.core)
                figures = client.read(text, usage) if text is not None else {"errors": 1}
                if figures["errors"]:
                    self.faults.append(f"{case.title}: {client.label}: {said or 'wrong answers'}")
                    continue
                if case.reconnect:
                    figures["resumed"] = service.resumed()
                taken[client].append(figures)
        say("\r\033[K")
        return {"name": case.name, "title": case.title, "in_flight": case.lanes, "large": case.bulk, "rate": case.rate,
                "clients": summed_up([(client, runs) for client, runs in taken.items() if runs])}


    def count(self, service, quick):
        counts = counted.Counted(self.build, service, self.core, quick)
        out = []
        for case, of_it in ((by_name("get_64"), counted.IN_FLIGHT), (by_name("get_1"), counted.BLOCKING)):
            for client in of_it[:2] if quick else of_it:  # the floor and ours
                if client.missing(self.build):
                    continue
                say(f"\r\033[Ksystem calls and memory of {client.label}")
                out.append(counts.of(client, case))
                if client.label.startswith(report.OURS) and out[-1]["bytes_per_connection"] is None:
                    self.faults.append(f"system calls and memory: {client.label}: wrong answers")
        say("\r\033[K")
        return out


    def reload(self, service, cores, quick):
        if not os.path.exists(os.path.join(self.build, "bin", "peer_ours_reload")):
            self.absent["calls while the registry is reloaded"] = "peer_ours_reload was not built"
            return None
        say("\r\033[Kcalls while the registry is reloaded")
        found, faults = reloads.measure(self.build, service, set(cores), 1 if quick else min(3, self.runs),
                                        4 if quick else 10)
        say("\r\033[K")
        self.faults += faults
        return found if found["lines"] else None


def summed_up(taken):
    out = []
    for client, runs in taken:
        entry = {"name": client.name, "label": client.label, "runs": runs}
        for key in ("calls_per_second", "cpu_us_per_call", "user_us_per_call", "p50_us", "p99_us", "p999_us", "max_us",
                    "resumed"):
            values = [run[key] for run in runs if key in run]
            if not values:
                continue
            entry[key] = {"median": statistics.median(values), "least": min(values), "most": max(values)}
        out.append(entry)
    for entry in out:
        entry["times_the_first"] = entry["cpu_us_per_call"]["median"] / out[0]["cpu_us_per_call"]["median"]
    return out


def say(text):
    if sys.stderr.isatty():
        print(text, end="", file=sys.stderr, flush=True)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "load_before": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs: about a minute")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--case", action="append", default=[], choices=[case.name for case in CASES] + ["counted", "reloads"])
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--json", default=None, help="else bench.json in the build folder")
    parser.add_argument("--page", help="a page whose table and plot are to be replaced")
    options = parser.parse_args()

    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: client and server share it, and no figure means much", file=sys.stderr)
    build = os.path.abspath(options.build)
    comparison = Comparison(options, build, cores[0])
    out = {"schema": "callerapi.comparison/1", "date": datetime.date.today().isoformat(), "machine": machine(),
           "runs": comparison.runs, "cases": []}
    began = time.monotonic()
    with server.running(cores[-1], os.path.join(build, "bin", "peer_sink")) as service:
        for case in comparison.cases:
            if case.lanes + 100 > server.open_files():
                comparison.absent[case.title] = f"{server.open_files()} open files are allowed"
                continue
            out["cases"].append(comparison.measure(case, service))
            print(report.table(out["cases"][-1]), flush=True)
        if not options.case or "counted" in options.case:
            out["counted"] = comparison.count(service, options.quick)
            print(report.counted_table(out["counted"]), flush=True)
        if not options.case or "reloads" in options.case:
            seen = comparison.reload(service, cores, options.quick)
            if seen:
                out["reloads"] = seen
                print(report.reloads_table(seen), flush=True)
    out["seconds"], out["absent"] = time.monotonic() - began, comparison.absent
    for label, why in comparison.absent.items():
        print(f"not measured: {label}: {why}")
    path = options.json or os.path.join(build, "bench.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(out, file, indent=1)
    print(f"{out['seconds']:.0f} s; all figures in {path}")
    if options.page:
        report.update(options.page, out)
    for fault in comparison.faults:
        print(fault, file=sys.stderr)
    return 1 if comparison.faults else 0


if __name__ == "__main__":
    sys.exit(main())
