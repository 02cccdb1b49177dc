#!/usr/bin/env python3
"""A registry of 1,000 services, and a pipe that keeps 200 calls in flight over them: counted at the
server. Usage: pipe_scale.py CALLERAPI PLUGIN_DIR"""
import json
import os
import subprocess
import sys
import tempfile
import time

import loopback

SERVICES, IN_FLIGHT = 1000, 200

with loopback.running() as (server, port), tempfile.TemporaryDirectory() as folder:
    registry = os.path.join(folder, "registry.toml")
    with open(registry, "w", encoding="utf-8") as file:
        file.write(f'schema = 1\n[caller]\nplugin_dir = "{sys.argv[2]}"\n')
        for n in range(SERVICES):
            file.write(f'[services.service-{n}]\nplugin = "http"\nbase_url = "http://127.0.0.1:{port}"\n')
    lines = [{"id": str(n), "op": "request", "service": f"service-{n}", "method": "GET", "path": "/wait/150"}
             for n in range(SERVICES)]
    begun = time.monotonic()
    run = subprocess.run([sys.argv[1], "--registry", registry, "pipe", "--concurrency", str(IN_FLIGHT)],
                         input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True,
                         text=True, timeout=100, check=False)
    took = time.monotonic() - begun
answers = [json.loads(line) for line in run.stdout.splitlines()]
good = {a["id"] for a in answers if a.get("status") == 200}
print(f"{len(answers)} answers over {SERVICES} services in {took:.1f} s, at most {server.in_flight_max} in "
      f"flight, {server.connections} connections", run.stderr)
if run.returncode != 0 or len(answers) != SERVICES or len(good) != SERVICES:
    sys.exit(f"{SERVICES - len(good)} calls were lost")
if not IN_FLIGHT * 0.9 <= server.in_flight_max <= IN_FLIGHT:
    sys.exit(f"expected about {IN_FLIGHT} in flight, the server saw {server.in_flight_max}")
