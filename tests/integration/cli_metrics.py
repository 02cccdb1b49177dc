#!/usr/bin/env python3
"""The command `metrics`: of a registry, of a running pipe, as text and as JSON.
Usage: cli_metrics.py CALLERAPI PLUGIN_DIR"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import loopback

program, plugins = sys.argv[1], sys.argv[2]
faults = []


def run(*arguments, text=""):
    return subprocess.run([program, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False,
                          env={"PATH": "/usr/bin:/bin"})


def expect(what, right, saw):
    if not right:
        faults.append(f"{what}: {saw!r}")


with loopback.running() as (server, port), tempfile.TemporaryDirectory() as folder:
    registry = os.path.join(folder, "registry.toml")
    with open(registry, "w", encoding="utf-8") as file:
        file.write(f'schema = 1\n[caller]\nplugin_dir = "{plugins}"\n[services.anything]\nplugin = "http"\n'
                   f'base_url = "http://127.0.0.1:{port}"\n')
    opened = run("--registry", registry, "metrics")
    expect("of a registry", opened.returncode == 0 and 'callerapi_plugin_load_total{result="loaded"} 1\n' in opened.stdout,
           opened)
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"], input=opened.stdout, capture_output=True, text=True,
                                 timeout=60, check=False)
        expect("promtool", checked.returncode == 0 and not checked.stderr, checked)
    both = run("--registry", registry, "metrics", "--json")
    families = {family["name"]: family for family in json.loads(both.stdout)["families"]}
    loads = {sample["labels"]["result"]: sample["value"] for sample in families["callerapi_plugin_load_total"]["samples"]}
    expect("--json", loads == {"loaded": 1, "upgraded": 0, "refused": 0}, loads)
    expect("--json has every sample of the text",
           sum(len(family["samples"]) for family in families.values()) ==
           sum(not line.startswith("#") for line in opened.stdout.splitlines()), both.stdout)

    pipe = subprocess.Popen([program, "--registry", registry, "pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pipe.stdin.write('{"id":"1","op":"request","service":"anything","method":"GET","path":"/down/300"}\n')
    pipe.stdin.flush()
    answers = pipe.stdout.readline()
    expect("the pipe answers", '"status":200' in answers, answers)
    pipe.stdin.write('{"id":"2","op":"metrics"}\n')
    pipe.stdin.flush()
    answers += pipe.stdout.readline()
    pipe.stdin.write('{"id":"3","op":"services"}\n')
    pipe.stdin.flush()
    service = json.loads(pipe.stdout.readline())["services"][0]
    expect("the pipe tells the state of a service",
           (service["breaker"], service["instances"], service["hooks_off"], service["ejections"]) ==
           ("closed", [{"name": f"127.0.0.1:{port}", "state": "ok", "in_flight": 0}], False, 0), service)
    pipe.stdin.close()
    expect("the pipe ends", pipe.wait(30) == 0, pipe.returncode)
    told = run("metrics", "-", text=answers)
    expect("of a running pipe", told.returncode == 0 and
           'callerapi_call_attempts_total{service="anything"} 1\n' in told.stdout, told)
    saved = os.path.join(folder, "answers")
    with open(saved, "w", encoding="utf-8") as file:
        file.write(answers)
    expect("the same from a file", run("metrics", saved).stdout == told.stdout, told)

    for what, ran, said in [
        ("no answer", run("metrics", "-", text='{"id":"1","outcome":"ok"}\nnonsense\n'),
         'standard input: none of its 2 lines is an answer to the op metrics; write {"id":"m","op":"metrics"} to the pipe '
         'and give what it answers'),
        ("no file", run("metrics", saved + ".not"),
         f"{saved}.not: cannot be read; it should hold what `callerapi pipe` answered, - is standard input"),
    ]:
        expect(what, ran.returncode == 2 and ran.stderr == f"callerapi: {said}\n" and not ran.stdout, ran)
    missing = run("--registry", registry + ".not", "metrics")
    expect("no registry", missing.returncode == 3 and registry + ".not" in missing.stderr, missing)

for fault in faults:
    print(fault)
print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
