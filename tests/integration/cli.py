#!/usr/bin/env python3
"""What the program says, and with which exit code, when its input is bad: one line each, a hint, no
loss. Usage: cli.py CALLERAPI PLUGIN_DIR"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import loopback

program, plugins = sys.argv[1], sys.argv[2]
faults = []


def run(*arguments, text="", **environment):
    return subprocess.run([program, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False,
                          env={"PATH": "/usr/bin:/bin", **environment})


def expect(what, ran, code, said, out=None):
    lines = ran.stderr.strip().splitlines()
    if ran.returncode != code or said not in ran.stderr or (code and len(lines) != 1) or (out and out not in ran.stdout):
        faults.append(f"{what}: expected exit {code} and '{said}', saw {ran.returncode} and {ran.stderr!r} {ran.stdout!r}")


with loopback.running() as (server, port), tempfile.TemporaryDirectory() as folder:
    registry = os.path.join(folder, "registry.toml")
    good = (f'schema = 1\n[caller]\nplugin_dir = "{folder}/plugins"\n[services.anything]\nplugin = "http"\n'
            f'base_url = "http://127.0.0.1:{port}"\n[services.httpbin]\nplugin = "httpbin"\n'
            f'base_url = "http://127.0.0.1:{port}"\n')
    os.mkdir(os.path.join(folder, "plugins"))
    for name in ("http", "httpbin"):
        shutil.copy(os.path.join(plugins, name + ".capi.so"), os.path.join(folder, "plugins"))

    def write(text):
        with open(registry, "w", encoding="utf-8") as file:
            file.write(text)

    def with_registry(*arguments, **more):
        return run("--registry", registry, *arguments, **more)

    write(good)
    expect("services", with_registry("services"), 0, "", "SERVICE")
    expect("services --json", with_registry("services", "--json"), 0, "", '"schema":"callerapi.services/1"')
    expect("endpoints", with_registry("endpoints", "httpbin"), 0, "", "post_json")
    expect("lint", with_registry("lint"), 0, "", "sound")
    write(good + 'timeouts.attempt = "60s"\n')
    expect("lint of a value above a built-in one", with_registry("lint"), 3, "1m is more than timeouts.total, which is 30s (built-in)")
    write(good)
    expect("explain", with_registry("explain", "httpbin", "get"), 0, "", "timeouts.total")
    expect("explain says where", with_registry("explain", "httpbin", CALLERAPI_SERVICES__HTTPBIN__TIMEOUTS__TOTAL="7s"),
           0, "", "environment CALLERAPI_SERVICES__HTTPBIN__TIMEOUTS__TOTAL")
    expect("request", with_registry("request", "anything", "DELETE", "/x", "--json", '{"a":1}'), 0, "", "7")
    expect("--output explain", with_registry("request", "anything", "GET", "/x", "--output", "explain"), 0, "",
           "connections opened  1")
    expect("--output explain says where the time went",
           with_registry("request", "anything", "GET", "/x", "--output", "explain"), 0, "", "time: read")
    expect("--output explain tells the attempts",
           with_registry("request", "anything", "GET", "/x", "--output", "explain"), 0, "", "127.0.0.1:" + str(port))
    expect("--output explain-json", with_registry("request", "anything", "GET", "/x", "--output", "explain-json"), 0, "",
           '"from":"timeouts.total"')
    expect("explain says what a call comes to", with_registry("explain", "httpbin", "get"), 0, "", "A call sends GET http")
    dry = with_registry("request", "anything", "GET", "/x?sig=zq9", "--header", "Authorization: Bearer zq9", "--dry-run")
    expect("--dry-run", dry, 0, "", "Authorization: (hidden)")
    expect("--dry-run as JSON", with_registry("request", "anything", "GET", "/x", "--dry-run", "--output", "json"), 0, "",
           '"schema":"callerapi.dry_run/1"')
    keyed = with_registry("request", "anything", "POST", "/x", "--header", "X-Once: zq9", "--dry-run",
                          CALLERAPI_SERVICES__ANYTHING__HEADER_NAMES__IDEMPOTENCY_KEY="X-Once")
    expect("--dry-run hides a key by another name", keyed, 0, "", "X-Once: (hidden)")
    with open(os.path.join(folder, "token"), "w", encoding="utf-8") as file:
        file.write("zq9")
    write(good.replace('plugin = "http"\n', 'plugin = "http"\nheaders.X-Token = "${file:token}"\n'))
    for form in (), ("--output", "json"):
        from_file = with_registry("request", "anything", "GET", "/x", "--dry-run", *form)
        expect("--dry-run hides what came from a file", from_file, 0, "", "(hidden)")
        if "zq9" in from_file.stdout or "X-Token" not in from_file.stdout:
            faults.append(f"--dry-run shows what came from a file: {from_file.stdout}")
    login = f'[services.login]\nplugin = "http"\nbase_url = "http://127.0.0.1:{port}"\n'
    oauth = 'auth = { type = "oauth2", token_service = "login", token_path = "/oauth/token", client_id = "me", client_secret = "zq9" }\n'
    write(good + oauth + login)
    for arguments, said in (("call", "httpbin", "get"), "GET /get HTTP/1.1"), (("request", "httpbin", "PUT", "/x?a=1"), "PUT /x?a=1"):
        signed = with_registry(*arguments, "--dry-run")
        expect("--dry-run of a service with oauth2", signed, 0, "", said)
        if "Authorization: (hidden)" not in signed.stdout or "oauth" in signed.stdout:
            faults.append(f"--dry-run of a service with oauth2: {signed.stdout}")
    write(good + 'discovery = "http"\ninstances_from = "login/instances"\n' + login)
    expect("--dry-run of a service whose instances are asked for", with_registry("call", "httpbin", "get", "--dry-run"), 0, "",
           "GET /get HTTP/1.1")
    write(good)
    planned = json.loads(with_registry("call", "httpbin", "get", "--dry-run", "--output", "json").stdout)
    if (planned["state"]["breaker"] != "closed" or planned["state"]["instances"][0]["state"] != "ok" or
            {"key": "timeouts.total", "value": "30s", "origin": "built-in"} not in planned["settings"]):
        faults.append(f"--dry-run as JSON: {planned}")
    if "zq9" in dry.stdout:
        faults.append(f"--dry-run shows a secret: {dry.stdout}")
    expect("unknown service", with_registry("call", "httpbim", "get"), 2, "did you mean 'httpbin'?")
    expect("unknown endpoint", with_registry("call", "httpbin", "gett"), 2, "did you mean 'get'?")
    expect("line break in a header", with_registry("request", "anything", "GET", "/", "--header", "X: a\r\nY: b"), 2,
           "header 'X' holds a control byte in its value")
    expect("line break in a path", with_registry("request", "anything", "GET", "/a\r\nb"), 2, "percent-encode it")
    expect("dot segment", with_registry("call", "httpbin", "status", "--param", "code=.."), 2,
           "path parameter 'code' does not fit its type")
    expect("a body where none is taken", with_registry("call", "httpbin", "get", "--json", "{}"), 2, "takes no body")
    expect("bad JSON", with_registry("request", "anything", "POST", "/", "--json", "{"), 2, "--json")
    expect("no time", with_registry("request", "anything", "GET", "/wait/5000", "--timeout", "50ms"), 6,
           "deadline")
    expect("nobody listens", with_registry("request", "anything", "GET", "/",
                                           CALLERAPI_SERVICES__ANYTHING__BASE_URL="http://127.0.0.1:1"), 5, "refused")
    for what, arguments, said in [
        ("no command", [], "callerapi needs a command; there are services, endpoints, explain, "),
        ("unknown command", ["srevices"], "callerapi has no command 'srevices'; there are services, endpoints, explain, "),
        ("unknown plugin command", ["plugin", "fetch"], "callerapi plugin has no command 'fetch'; there are info, check, "),
        ("no endpoint", ["call", "httpbin"], "endpoint is required; see `callerapi call --help`"),
        ("one argument too many", ["services", "x"], "was not expected: x; see `callerapi services --help`"),
        ("unknown output", ["call", "httpbin", "get", "--output", "xml"], "xml not in {body,json,explain,explain-json}"),
    ]:
        expect(what, with_registry(*arguments), 2, "callerapi: " + said if said.startswith("callerapi") else said)
    for what, arguments, said in [
        ("a time without a unit", ["--timeout", "2"], "--timeout: '2' is no duration: a whole number above 0 and its unit, "
         "ms, s or m; write 500ms, 2s or 1m"),
        ("no time at all", ["--timeout", "0s"], "--timeout: '0s' is no duration: a whole number above 0"),
        ("a time of nothing", ["--timeout", ""], "--timeout: '' is no duration: a whole number above 0"),
        ("a trace to nowhere", ["--trace", ""], "--trace: must not be empty; see `callerapi request --help`"),
        ("a key of nothing", ["--hash-key", ""], "--hash-key: must not be empty"),
        ("a body of nothing", ["--json", ""], "--json: not valid JSON at byte 0 of 0"),
        ("a body and a form", ["--json", "{}", "--form", "a=1"], "--json excludes --form; see `callerapi request --help`"),
        ("a body and a file", ["--file", "a=@" + registry, "--json", "{}"], "--json excludes --file; see `callerapi request"),
        ("a body that is not there", ["--json", "@" + registry + ".not"],
         f"--json @{registry}.not: the file cannot be read: No such file or directory"),
        ("a body that is a folder", ["--json", "@" + folder], f"--json @{folder}: the file cannot be read: it is a folder"),
    ]:
        expect(what, with_registry("request", "anything", "POST", "/", *arguments), 2, "callerapi: " + said)
    for what, arguments, said in [
        ("a bench with two bodies", ["--body", "{}", "--form", "a=1"], "--form excludes --body; see `callerapi bench --help`"),
        ("a bench with a body of nothing", ["--body", ""], "--body: not valid JSON at byte 0 of 0"),
    ]:
        expect(what, with_registry("bench", "anything", "POST", "/", "--requests", "1", *arguments), 2, "callerapi: " + said)
    failed = with_registry("request", "anything", "GET", "/", "--output", "json",
                           CALLERAPI_SERVICES__ANYTHING__BASE_URL="http://127.0.0.1:1")
    expect("an error for programs", failed, 5, "refused", '"schema":"callerapi.error/1","error":"connect_error"')
    if json.loads(failed.stdout)["message"] not in failed.stderr:
        faults.append(f"an error for programs: {failed}")
    explained = with_registry("request", "anything", "GET", "/status/503", "--output", "explain",
                              CALLERAPI_SERVICES__ANYTHING__RETRY__BASE="1ms")
    expect("--output explain shows what policies knew", explained, 1, "HTTP 503", "breaker")
    for part in ("limits              entered: 0 of 256 in flight", "RETRIES  BREAKER", "1 of 10  closed, 1 of 1 failed",
                 "1 of 10  closed, 2 of 2 failed"):
        if part not in explained.stdout:
            faults.append(f"--output explain: expected '{part}' in {explained.stdout}")

    before = server.connections
    for what, text, said in [
        ("empty", "", "registry.toml:1:1: schema: expected schema = 1"), ("truncated", good[:-20], "registry.toml:9:17:"),
        ("duplicate", good + "[services.anything]\n", "registry.toml:10:1:"),
        ("wrong type", good.replace('"http"\n', "3\n"), "registry.toml:5:10:"),
        ("unknown key", good + 'base_ulr = "x"\n', "did you mean 'base_url'?"),
        ("unset variable", good + 'config = { token = "${NOPE:?set NOPE}" }\n', "set NOPE"),
        ("a scheme nobody speaks", good.replace("http://", "ftp://", 1), "begins with no scheme"),
    ]:
        write(text)
        expect(what, with_registry("services"), 3, said)
    expect("missing", run("--registry", registry + ".not", "services"), 3, registry + ".not")

    write(good)
    plugin = os.path.join(folder, "plugins", "httpbin.capi.so")
    with open(plugin, "rb") as file:
        whole = file.read()

    def replace(content):
        if os.path.exists(plugin):
            os.unlink(plugin)
        with open(plugin, "wb") as file:
            file.write(content)

    for what, content, said in [
        ("half a plugin", whole[:len(whole) // 2], "was it copied whole?"), ("a text", b"#!/bin/sh\n" * 50, "is not a shared library"),
        ("an empty file", b"", "is empty"), ("no symbol", whole.replace(b"callerapi_plugin_v0", b"callerapi_plugin_x0"),
                                            "does not export 'callerapi_plugin_v0'"),
    ]:
        replace(content)
        expect(what, with_registry("services"), 4, said)
    os.unlink(plugin)
    expect("no file", with_registry("services"), 4, "httpbin.capi.so")
    if server.connections != before:
        faults.append("a refused registry or plugin reached the network")
    replace(whole)
    os.chmod(plugin, 0o666)
    expect("anyone may write it", with_registry("services"), 4, "chmod go-w")
    os.chmod(plugin, 0o644)

    lines = ['{"id":"1","op":"request","service":"anything","method":"GET","path":"/"}', "nonsense", '{"op":"call"}',
             '{"id":"2","op":"fly"}', '{"id":"3","op":"request","service":"anything","method":"GET","path":"/","body_b64":"?"}',
             '{"id":"4","op":"request","service":"anything","method":"G T","path":"/"}', '{"id":"5","op":"hello"}', '[]',
             '{"id":"6","op":"request","service":"anything","method":"GET","path":"/wait/20000"}',
             '{"id":"7","op":"cancel","target":"6"}']
    piped = with_registry("pipe", text="\n".join(lines) + "\n")
    answers = [json.loads(line) for line in piped.stdout.splitlines()]
    seen = sorted((str(a.get("id")), a["outcome"], a.get("error", ""), a.get("line", 0)) for a in answers)
    wanted = sorted([("1", "ok", "", 0), ("None", "error", "invalid_argument", 2), ("None", "error", "invalid_argument", 3),
                     ("2", "error", "invalid_argument", 4), ("3", "error", "invalid_argument", 5),
                     ("4", "error", "invalid_argument", 0), ("5", "ok", "", 0), ("None", "error", "invalid_argument", 8),
                     ("6", "error", "cancelled", 0), ("7", "ok", "", 0)])
    if piped.returncode != 0 or seen != wanted:
        faults.append(f"pipe: {piped.returncode} {seen} {piped.stderr}")

    lost = "standard output was not written to its end"
    for what, arguments in [("services", ["services"]), ("a call", ["call", "httpbin", "get"]), ("a version", ["--version"]),
                            ("pipe", ["pipe"]), ("bench", ["bench", "anything", "GET", "/", "--requests", "3"])]:
        with open("/dev/full", "w", encoding="utf-8") as full:
            ran = subprocess.run([program, "--registry", registry, *arguments], input='{"id":"1","op":"hello"}\n', stdout=full,
                                 stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        if ran.returncode != 1 or lost not in ran.stderr:
            faults.append(f"{what} to a full disk: {ran}")

    # A reader that has gone: the call in flight ends, and no other begins.
    sent = server.requests
    readable, writable = os.pipe()
    with subprocess.Popen([program, "--registry", registry, "pipe"], stdin=subprocess.PIPE, stdout=writable,
                          stderr=subprocess.PIPE, text=True, restore_signals=False) as deaf:
        os.close(writable)
        deaf.stdin.write('{"id":"1","op":"request","service":"anything","method":"GET","path":"/wait/90000","timeout_ms":90000}\n')
        deaf.stdin.flush()
        until = time.monotonic() + 30
        while server.requests == sent and time.monotonic() < until:
            time.sleep(0.01)
        os.close(readable)
        try:
            _, said = deaf.communicate('{"id":"2","op":"hello"}\n'
                                       '{"id":"3","op":"request","service":"anything","method":"POST","path":"/"}\n', timeout=60)
        except subprocess.TimeoutExpired:
            deaf.kill()
            said = "no end in 60 s"
    if deaf.returncode != 1 or lost not in said or server.requests != sent + 1:
        faults.append(f"pipe without a reader: {deaf.returncode} {said!r}, {server.requests - sent} requests")

    # The program has no contracts: a service that is called by another program's still takes ad-hoc requests.
    write(good.replace('plugin = "httpbin"', 'contract = "caller"') + '[services.httpbin.endpoints.get.timeouts]\ntotal = "1s"\n')
    expect("services of a contract", with_registry("services"), 0, "", "httpbin")
    expect("request by a contract", with_registry("request", "httpbin", "GET", "/"), 0, "")
    expect("explain of a contract", with_registry("explain", "httpbin"), 0, "", "timeouts.total")
    expect("bench of a contract", with_registry("bench", "httpbin", "GET", "/", "--requests", "3"), 0, "")
    expect("call by a contract", with_registry("call", "httpbin", "get"), 2, "is the program's own")
    piped = with_registry("pipe", text='{"id":"1","op":"request","service":"httpbin","method":"GET","path":"/"}\n')
    if '"outcome":"ok"' not in piped.stdout:
        faults.append(f"pipe of a contract: {piped.returncode} {piped.stdout} {piped.stderr}")

for fault in faults:
    print(fault)
print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
