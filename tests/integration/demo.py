#!/usr/bin/env python3
"""The demo on the project's own documents: nothing is lost when storage is killed with calls in flight,
and with retry switched off the same demo says that something was. Usage: demo.py CALLERAPI PLUGIN_DIR"""
import json
import os
import subprocess
import sys

repository = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
faults = []


def demo(**environment):
    run = subprocess.run([sys.argv[1], "demo", os.path.join(repository, "docs"), "--json"], cwd=repository,
                         capture_output=True, text=True, timeout=120, check=False,
                         env={**os.environ, **environment})
    return run, json.loads(run.stdout or "{}")


run, report = demo()
print({key: report.get(key) for key in ("documents", "stored", "hits", "hits_expected", "calls", "retries",
                                        "killed_with_calls_in_flight", "hot_add_ms", "faults")})
if run.returncode != 0 or not report.get("ok"):
    faults.append(f"exit {run.returncode}: {run.stderr}")
elif (report["stored"] != report["documents"] or report["hits"] != report["hits_expected"] or report["hits"] == 0 or
      report["killed_with_calls_in_flight"] < 8 or report["retries"] == 0 or report["calls_failed"] != 0):
    faults.append(f"the report contradicts itself: {report}")

run, report = demo(CALLERAPI_SERVICES__STORAGE__RETRY__MAX_ATTEMPTS="1")
if run.returncode != 1 or not report.get("faults"):
    faults.append(f"without retry the demo must fail: exit {run.returncode}, {report.get('faults')}, {run.stderr}")

print("\n".join(faults))
sys.exit(1 if faults else 0)
