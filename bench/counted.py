"""What is counted of each client rather than timed: its system calls for one call, and the memory that one more
connection with a call on it takes. Both are differences of two runs, so that start and warm-up fall out."""
import dataclasses
import os
import re
import resource
import shutil
import subprocess
import time

import clients as c
import server

IN_FLIGHT = [c.FLOOR_EPOLL, c.ASYNC, c.WRK, c.BEAST, c.CURL_MULTI, c.GO, c.AIOHTTP]
BLOCKING = [c.FLOOR_POLL, c.SYNC, c.POCO, c.CURL_EASY, c.HTTPLIB]
# A thread each, or slow to open so many.
FEWER = {c.AIOHTTP: 1_000, **{client: 500 for client in BLOCKING}}


def start(command, core):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", "GOMAXPROCS": "1"},
                            preexec_fn=lambda: server.on_core(core))


def answered(client, process):
    """How many calls it made, or nothing when one of them was wrong."""
    text = process.stdout.read()
    if process.wait() != 0:
        return None
    figures = client.read(text, resource.getrusage(resource.RUSAGE_CHILDREN))
    return None if figures["errors"] else figures["calls"]


class Counted:
    def __init__(self, build, service, core, quick):
        self.build, self.service, self.core = build, service, core
        self.most = min(1_000 if quick else 10_000, server.open_files() - 100)

    def command(self, client, case, requests):
        return client.command(self.build, self.service, case, requests)

    def system_calls(self, client, case):
        """Of one call, those of its share in waiting for many at once included."""
        seen = []
        for requests in (500, 2_500) if client is not c.WRK else (60_000, 120_000):
            counts = os.path.join(self.service.folder, "strace")
            process = start(["strace", "-f", "-qq", "-c", "-o", counts, *self.command(client, case, requests)],
                            self.core)
            calls = answered(client, process)
            if calls is None:
                return None
            with open(counts, encoding="utf-8") as file:
                seen.append((calls, int(re.search(r"(\d+)(?: +\d+)? total$", file.read(), re.M).group(1))))
        return (seen[1][1] - seen[0][1]) / (seen[1][0] - seen[0][0])

    def memory(self, client, case, lanes):
        """The most it ever held, in bytes."""
        process = start(self.command(client, dataclasses.replace(case, lanes=lanes), max(3 * lanes, 2_000)), self.core)
        most = 0
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
                    found = re.search(r"VmHWM:\s+(\d+)", file.read())
                most = int(found.group(1)) * 1024 if found else most
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.005)
        return most if answered(client, process) is not None else None

    def of(self, client, case):
        lanes = min(self.most, FEWER.get(client, self.most))
        few, many = self.memory(client, case, 1), self.memory(client, case, lanes)
        return {"name": client.name, "label": client.label, "in_flight": case.lanes,
                "system_calls": self.system_calls(client, case) if shutil.which("strace") else None,
                "connections": lanes,
                "bytes_per_connection": (many - few) / (lanes - 1) if few and many else None}
