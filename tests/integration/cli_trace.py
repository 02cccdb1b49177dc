#!/usr/bin/env python3
"""What --trace writes: OTLP in its JSON form, a line for each span, of the trace that was sent.
Usage: cli_trace.py CALLERAPI PLUGIN_DIR"""
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

program, plugins = sys.argv[1], sys.argv[2]
faults, heads = [], []


class Busy(http.server.BaseHTTPRequestHandler):
    """Answers the first attempt of every call with 503."""

    def do_GET(self):
        heads.append(self.headers["traceparent"])
        self.send_response(200 if self.headers["Caller-Previous-Attempts"] else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def expect(what, right, saw):
    if not right:
        faults.append(f"{what}: {saw!r}")


# Of opentelemetry/proto/trace/v1: each message as its JSON form has it (the rest is checked by hand).
def hex_of(size):
    return lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{%d}" % size, v) and set(v) != {"0"}


def number(value):
    return isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value)


def text(value):
    return isinstance(value, str)


ANY = {"stringValue": text, "intValue": number}
PAIR = {"key!": text, "value!": ANY}
SPAN = {"traceId!": hex_of(32), "spanId!": hex_of(16), "parentSpanId": hex_of(16), "traceState": text,
        "flags": lambda v: v == 1, "name!": text, "kind!": lambda v: v in (1, 3), "startTimeUnixNano!": number,
        "endTimeUnixNano!": number, "attributes": [PAIR],
        "status": {"code": lambda v: v in (0, 1, 2), "message": text}}
LINE = {"resourceSpans!": [{"resource!": {"attributes": [PAIR]},
                            "scopeSpans!": [{"scope": {"name!": text, "version": text}, "spans!": [SPAN]}]}]}


def fits(value, shape, place=""):
    if isinstance(shape, list):
        expect(place, isinstance(value, list), value)
        for one in value:
            fits(one, shape[0], place + "[]")
    elif isinstance(shape, dict):
        known = {name.rstrip("!"): part for name, part in shape.items()}
        expect(place + " has no other members", set(value) <= set(known), value)
        expect(place + " is whole", {n[:-1] for n in shape if n.endswith("!")} <= set(value), value)
        for name, part in value.items():
            fits(part, known.get(name, lambda v: False), place + "." + name)
    else:
        expect(place, shape(value), value)


def spans_of(path):
    spans = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            fits(json.loads(line), LINE)
            spans.append(json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0])
    return spans


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory() as folder:
    registry, traced = os.path.join(folder, "registry.toml"), os.path.join(folder, "spans.jsonl")
    with open(registry, "w", encoding="utf-8") as out:
        out.write(f'schema = 1\n[caller]\nplugin_dir = "{plugins}"\n[services.anything]\nplugin = "http"\n'
                  f'base_url = "http://127.0.0.1:{server.server_port}"\nretry.base = "1ms"\n')

    def run(*arguments, given="", **environment):
        return subprocess.run([program, "--registry", registry, *arguments], input=given, capture_output=True, text=True,
                              timeout=60, check=False, env={"PATH": "/usr/bin:/bin", **environment})

    called = run("request", "anything", "GET", "/x", "--trace", traced, OTEL_SERVICE_NAME="shop")
    expect("request --trace", called.returncode == 0, called)
    first, second, whole = spans_of(traced)
    expect("one trace, two attempts of one call",
           [first["parentSpanId"], second["parentSpanId"]] == [whole["spanId"]] * 2 and "parentSpanId" not in whole and
           {first["traceId"], second["traceId"]} == {whole["traceId"]}, (first, second, whole))
    expect("as the service saw it", heads == [f'00-{s["traceId"]}-{s["spanId"]}-01' for s in (first, second)], heads)
    expect("the first failed", [s["status"] for s in (first, second, whole)] == [{"code": 2}, {}, {}], first)
    with open(traced, encoding="utf-8") as lines:
        resource = json.loads(lines.readline())["resourceSpans"][0]["resource"]
    expect("whose they are", resource == {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
           resource)

    piped = run("pipe", "--trace", traced,
                given='{"id":"1","op":"request","service":"anything","method":"GET","path":"/x"}\n')
    expect("pipe --trace", piped.returncode == 0, piped)
    expect("it appends", len(spans_of(traced)) == 6, spans_of(traced))
    nowhere = run("request", "anything", "GET", "/x", "--trace", os.path.join(folder, "no", "where"))
    expect("a file that cannot be", nowhere.returncode == 2 and "spans cannot be written there" in nowhere.stderr and
           len(nowhere.stderr.splitlines()) == 1, nowhere)
    both = run("request", "anything", "GET", "/x", "--trace", traced, "--dry-run")
    expect("nothing is sent, so nothing is traced", both.returncode == 2 and "--dry-run" in both.stderr, both)

server.shutdown()
for fault in faults:
    print(fault)
print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
