#!/usr/bin/env python3
"""Runs a program in a folder whose registry.toml names the real httpbin, and compares its output.
Usage: run_with_httpbin.py PLUGIN_DIR EXPECTED PROGRAM [ARGUMENT...]"""
import os
import subprocess
import sys

from httpbin import httpbin_registry

with httpbin_registry(sys.argv[1]) as registry:
    run = subprocess.run(sys.argv[3:], capture_output=True, text=True, timeout=60, check=False,
                         cwd=os.path.dirname(registry))
print(run.stdout, run.stderr)
sys.exit(0 if run.returncode == 0 and run.stdout.strip() == sys.argv[2] else 1)
