#!/usr/bin/env python3
"""1 GiB down, up with a length, up chunked and up as multipart: every byte arrives, and the process
never has 16 MiB more than after a small call. Usage: bulk.py BULK_CLIENT PLUGIN_DIR [BYTES]"""
import subprocess
import sys

import loopback

EXTRA_KIB_MAX = 16 * 1024
size = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 30

with loopback.running() as (_, port):
    run = subprocess.run([sys.argv[1], sys.argv[2], f"http://127.0.0.1:{port}", str(size)],
                         capture_output=True, text=True, timeout=300, check=False)
print(run.stdout, run.stderr)
steps = [line.split() for line in run.stdout.splitlines()]
if run.returncode != 0 or [s[0] for s in steps] != ["first", "down", "up", "up-chunked", "up-multipart"]:
    sys.exit("a step is missing")
before = int(steps[0][3])
for name, outcome, moved, peak in steps[1:]:
    extra = int(peak) - before
    print(f"{name:13} {int(moved) / 2**20:8.0f} MiB  extra memory {extra / 1024:5.1f} MiB  {outcome}")
    # A multipart body is its file and a little framing.
    framing = int(moved) - size
    if outcome != "ok" or not (framing == 0 or name == "up-multipart" and 0 < framing < 1000):
        sys.exit(f"{name}: {moved} bytes of {size} arrived: {outcome}")
    if extra > EXTRA_KIB_MAX:
        sys.exit(f"{name}: {extra} KiB more than after a small call, at most {EXTRA_KIB_MAX} allowed")
