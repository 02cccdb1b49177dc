#!/usr/bin/env python3
"""1,000 mixed requests through `callerapi pipe` to the real httpbin: what it echoes equals what was
sent, id by id. Usage: pipe_httpbin.py CALLERAPI PLUGIN_DIR [COUNT]"""
import base64
import json
import subprocess
import sys

from httpbin import httpbin_registry

program, plugin_dir = sys.argv[1], sys.argv[2]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def request(number):
    """One line for the pipe, and what httpbin must echo of it."""
    verb = VERBS[number % len(VERBS)]
    line = {"id": str(number), "op": "request", "service": "httpbin", "method": verb,
            "path": "/" + verb.lower(), "query": {"n": str(number), "text": "a b&c=ü/%"}}
    echo = {"args": {"n": str(number), "text": "a b&c=ü/%"}, "form": {}, "files": {}, "data": "", "json": None}
    kind = 0 if verb == "GET" else (number // len(VERBS)) % 5
    if kind == 1:
        line["json"] = echo["json"] = {"n": number, "deep": {"list": [1, None, "x"]}}
        echo["data"] = None  # the same again as text, whose spaces are ours to choose
    elif kind == 2:
        line["form"] = echo["form"] = {"field": f"value {number}", "ü": "&="}
    elif kind == 3:
        text = f"file {number}\r\n--not-a-boundary"
        line["multipart"] = [{"name": "note", "body_b64": base64.b64encode(b"plain").decode()},
                             {"name": "file", "filename": "a.txt", "content_type": "text/plain",
                              "body_b64": base64.b64encode(text.encode()).decode()}]
        echo["form"], echo["files"] = {"note": "plain"}, {"file": text}
    elif kind == 4:
        line["body_b64"] = base64.b64encode(f"bytes {number}".encode()).decode()
        line["headers"] = {"Content-Type": "text/plain"}
        echo["data"] = f"bytes {number}"
    return line, echo, verb


def check(answer, echo, verb):
    if answer.get("outcome") != "ok" or answer.get("status") != 200:
        return f"answered {answer.get('outcome')} {answer.get('status')} {answer.get('message')}"
    body = json.loads(base64.b64decode(answer["body_b64"]))
    wanted = {"args": echo["args"]} if verb == "GET" else echo
    for key, value in wanted.items():
        if value is None and key == "data":
            value, body[key] = echo["json"], json.loads(body[key])
        if body.get(key) != value:
            return f"{key}: sent {value!r}, echoed {body.get(key)!r}"
    return None


def main():
    sent = {str(n): request(n) for n in range(count)}
    text = "".join(json.dumps(line) + "\n" for line, _, _ in sent.values())
    with httpbin_registry(plugin_dir) as registry:
        run = subprocess.run([program, "--registry", registry, "pipe", "--concurrency", "32"], input=text,
                             capture_output=True, text=True, timeout=100, check=False)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    faults = [] if run.returncode == 0 else [f"exit code {run.returncode}: {run.stderr[:300]}"]
    if sorted(a["id"] for a in answers) != sorted(sent):
        faults.append(f"{len(answers)} answers for {len(sent)} requests, or an id twice")
    for answer in answers:
        line, echo, verb = sent[answer["id"]]
        fault = check(answer, echo, verb)
        if fault:
            faults.append(f"id {answer['id']} {verb}: {fault}")
    for fault in faults[:10]:
        print(fault)
    print(f"{len(answers)} answers, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
