#!/usr/bin/env python3
"""The plugins that sign, against a server that computes every signature itself and answers 403 to
what does not fit; and the one that reads problem+json. Usage: signing.py CALLERAPI PLUGIN_DIR"""
import base64
import calendar
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

SECRET, SHARED = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a shared secret"
seen, refused = [], []


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def quoted(text):
    return urllib.parse.quote(text, safe="-._~")


def aws_fault(request, body, service):
    """What is wrong with an AWS signature, or None."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme != "AWS4-HMAC-SHA256" or set(parts) != {"Credential", "SignedHeaders", "Signature"}:
        return "no signature"
    date, names = request.headers["X-Amz-Date"], parts["SignedHeaders"].split(";")
    if abs(time.time() - calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))) > 60:
        return "the date is " + date
    must = {"host"} | {name.lower() for name in request.headers
                       if name.lower().startswith("x-amz-") or name.lower() == "content-type"}
    if set(names) != must or names != sorted(names):
        return f"signed {names}, expected {must}"
    digest = hashlib.sha256(body).hexdigest()
    stated = request.headers.get("X-Amz-Content-Sha256", digest if service != "s3" else "")
    if stated not in (digest, "UNSIGNED-PAYLOAD" if service == "s3" else digest):
        return "the payload's hash is " + stated
    path, _, query = request.path.partition("?")
    path = quoted_path(path) if service != "s3" else path
    pairs = sorted((quoted(k), quoted(v)) for k, v in
                   (map(urllib.parse.unquote, (p + "=").split("=")[:2]) for p in query.split("&") if p))
    canonical = "\n".join(
        [request.command, path, "&".join(k + "=" + v for k, v in pairs)] +
        [name + ":" + " ".join(request.headers[name].split()) for name in names] +
        ["", parts["SignedHeaders"], stated])
    scope = f"{date[:8]}/eu-central-1/{service}/aws4_request"
    if parts["Credential"] != "AKIDEXAMPLE/" + scope:
        return "the credential is " + parts["Credential"]
    key = ("AWS4" + SECRET).encode()
    for step in scope.split("/"):
        key = mac(key, step)
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return None if hmac.compare_digest(mac(key, text).hex(), parts["Signature"]) else "another signature:\n" + canonical


def quoted_path(path):
    return urllib.parse.quote(path, safe="/-._~")


def shared_fault(request, body, header):
    parts = dict(part.split("=", 1) for part in request.headers.get(header, "").split(",") if "=" in part)
    if parts.get("key_id") != "client-7":
        return "no signature"
    if abs(time.time() - int(parts["t"])) > 60:
        return "the time is " + parts["t"]
    text = "\n".join([parts["t"], request.command, request.path, hashlib.sha256(body).hexdigest()])
    return None if hmac.compare_digest(mac(SHARED.encode(), text).hex(), parts["v1"]) else "another signature"


class Verifier(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.path.strip("/").split("/")[0]
        fault = {"aws": lambda: aws_fault(self, body, "execute-api"), "s3": lambda: aws_fault(self, body, "s3"),
                 "hmac": lambda: shared_fault(self, body, "Request-Signature"),
                 "named": lambda: shared_fault(self, body, "Partner-Auth")}.get(kind, lambda: None)()
        seen.append((self.path, dict(self.headers)))
        if fault:
            refused.append((self.path, fault))
            return self.send(403, fault.encode())
        if self.path.endswith("/again") and "Caller-Previous-Attempts" not in self.headers:
            return self.send(503, b"once more")
        if kind == "problem":
            return self.send(403, json.dumps({
                "type": "https://example.test/out-of-credit", "title": "Zu wenig Guthaben f\u00fcr dies.",
                "detail": "Your balance is 30, but that costs 50.", "status": 403}).encode(),
                "Application/Problem+JSON; charset=utf-8")
        if kind == "broken":
            return self.send(500, b'{"title": ', "application/problem+json")
        return self.send(404 if kind == "plain" else 200, b"fine")

    def send(self, status, body, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


def registry(port, plugins, folder):
    def service(name, plugin, prefix, config):
        return (f'[services.{name}]\nplugin = "{plugin}"\nbase_url = "http://127.0.0.1:{port}/{prefix}"\n'
                f'config = {{ {config} }}\n')
    aws = 'access_key_id = "AKIDEXAMPLE", region = "eu-central-1", '
    with open(os.path.join(folder, "secret"), "w", encoding="utf-8") as file:
        file.write(SECRET)
    os.chmod(file.name, 0o600)
    return (f'schema = 1\n[caller]\nplugin_dir = "{plugins}"\n' +
            service("aws", "aws_sigv4", "aws", aws + 'secret_access_key = "${file:secret}", service = "execute-api"') +
            service("token", "aws_sigv4", "aws", aws + 'secret_access_key = "${AWS_SECRET_ACCESS_KEY}", '
                    'session_token = "a session", service = "execute-api"') +
            service("s3", "aws_sigv4", "s3", aws + 'secret_access_key = "${file:secret}", service = "s3"') +
            service("wrong", "aws_sigv4", "aws", aws + 'secret_access_key = "another", service = "execute-api"') +
            service("hmac", "hmac", "hmac", 'key_id = "client-7", secret = "${SHARED}"') +
            service("named", "hmac", "named", 'key_id = "client-7", secret = "${SHARED}", header = "Partner-Auth"') +
            service("forged", "hmac", "hmac", 'key_id = "client-7", secret = "another"') +
            service("problem", "problem_json", "", ""))


def line(name, service, method, path, **rest):
    return {"id": name, "op": "request", "service": service, "method": method, "path": path} | rest


BODY = base64.b64encode(b'{"a": 1}').decode()
LINES = [
    line("aws get", "aws", "GET", "/a%20b/%E1%88%B4?x=1", query={"b": "2 3", "a": "~/+", "A": ""}),
    line("aws post", "aws", "POST", "/items", json={"a": 1}, headers={"X-Amz-Target": "Dynamo.Put   It"}),
    line("aws form", "aws", "POST", "/", form={"Action": "ListUsers", "Version": "2010-05-08"}),
    line("aws again", "aws", "GET", "/again"),
    line("aws token", "token", "GET", "/who"),
    line("s3 put", "s3", "PUT", "/bucket/a%20b%2Bc", body_b64=BODY),
    line("s3 stream", "s3", "POST", "/bucket/form", multipart=[{"name": "f", "body_b64": BODY}]),
    line("aws stream", "aws", "POST", "/form", multipart=[{"name": "f", "body_b64": BODY}]),
    line("aws wrong", "wrong", "GET", "/"),
    line("hmac get", "hmac", "GET", "/a?b=c", query={"d": "e f"}),
    line("hmac post", "hmac", "POST", "/items", body_b64=BODY),
    line("hmac again", "hmac", "GET", "/again"),
    line("hmac named", "named", "DELETE", "/items/1"),
    line("hmac stream", "hmac", "POST", "/form", multipart=[{"name": "f", "body_b64": BODY}]),
    line("hmac forged", "forged", "GET", "/"),
    line("problem", "problem", "GET", "/problem"),
    line("broken", "problem", "GET", "/broken"),
    line("plain", "problem", "GET", "/plain"),
]

with tempfile.TemporaryDirectory() as folder:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Verifier)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = os.path.join(folder, "registry.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(registry(server.server_address[1], sys.argv[2], folder))
    run = subprocess.run([sys.argv[1], "--registry", path, "pipe"], text=True, capture_output=True, timeout=120,
                         input="".join(json.dumps(one) + "\n" for one in LINES), check=False,
                         env={**os.environ, "AWS_SECRET_ACCESS_KEY": SECRET, "SHARED": SHARED})
    server.shutdown()
answers = {answer["id"]: answer for answer in map(json.loads, run.stdout.splitlines())}
faults = []


def expect(name, **members):
    answer = answers.get(name, {})
    for key, value in members.items():
        if answer.get(key) != value:
            faults.append(f"{name}: {key} is {answer.get(key)!r}, expected {value!r}; {answer}")


for name in ("aws get", "aws post", "aws form", "aws token", "s3 put", "s3 stream", "hmac get", "hmac post",
             "hmac named"):
    expect(name, status=200, attempts=1)
for name in ("aws again", "hmac again"):
    expect(name, status=200, attempts=2)
for name in ("aws wrong", "hmac forged"):
    expect(name, status=403)
for name, text in (("aws stream", "send it from memory, or give its SHA-256 in the header X-Amz-Content-Sha256"),
                   ("hmac stream", "a streamed body has no digest to sign; send it from memory")):
    expect(name, error="plugin_error", sent="no")
    if text not in answers.get(name, {}).get("message", ""):
        faults.append(f"{name}: {answers.get(name)}")
expect("problem", status=403, plugin_error="Zu wenig Guthaben f\u00fcr dies.: Your balance is 30, but that costs 50. "
       "[https://example.test/out-of-credit]")
expect("broken", status=500, plugin_error=None)
expect("plain", status=404, plugin_error=None)
tokens = [headers.get("X-Amz-Security-Token") for target, headers in seen if target == "/aws/who"]
if tokens != ["a session"]:
    faults.append(f"session tokens {tokens}")
if SECRET in run.stdout + run.stderr or SHARED in run.stdout + run.stderr:
    faults.append("a secret was printed")
print(f"{len(answers)} answers, {len(refused)} refused by the verifier")
if faults or len(refused) != 2:
    sys.exit("\n".join(faults) + f"\n{refused}\n{run.stderr}")
