#!/usr/bin/env python3
"""What the real httpbin codes and chunks comes back plain through `callerapi request`; asked for by
name it comes as it is. Usage: httpbin_codings.py CALLERAPI PLUGIN_DIR"""
import base64
import json
import subprocess
import sys
import zlib

from httpbin import httpbin_registry

program, plugin_dir = sys.argv[1], sys.argv[2]


def ask(lines, registry):
    sent = "".join(json.dumps({"id": path, "op": "request", "service": "httpbin", "method": "GET",
                               "path": path, "headers": headers}) + "\n" for path, headers in lines)
    run = subprocess.run([program, "--registry", registry, "pipe"], input=sent, capture_output=True,
                         text=True, timeout=60, check=True)
    answers = {}
    for line in run.stdout.splitlines():
        answer = json.loads(line)
        assert answer["outcome"] == "ok" and answer["status"] == 200, answer
        fields = {name.lower(): value for name, value in answer["headers"]}
        answers[answer["id"]] = (fields, base64.b64decode(answer["body_b64"]))
    return answers


with httpbin_registry(plugin_dir) as registry:
    answers = ask([("/gzip", {}), ("/deflate", {}), ("/stream/20", {}),
                   ("/gzip?raw", {"Accept-Encoding": "gzip"})], registry)
for path, flag in (("/gzip", "gzipped"), ("/deflate", "deflated")):
    fields, body = answers[path]
    assert json.loads(body)[flag] is True, path
    assert json.loads(body)["headers"]["Accept-Encoding"] == "gzip, deflate", path
    assert "content-encoding" not in fields and "content-length" not in fields, fields
rows = [json.loads(line) for line in answers["/stream/20"][1].splitlines()]
assert [row["id"] for row in rows] == list(range(20)), rows
fields, body = answers["/gzip?raw"]
assert fields["content-encoding"] == "gzip", fields
assert json.loads(zlib.decompress(body, 31))["gzipped"] is True
print("gzip, deflate and 20 chunked lines came back plain, one body raw")
