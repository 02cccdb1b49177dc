#!/usr/bin/python3
"""Runs the gdb session of docs/guide/debug_a_plugin.md: every `(gdb) ` line is a command, the lines
below it are what gdb must say, `...` is anything.

Usage: gdb_session.py PROGRAM FOLDER_OF_THE_PLUGIN. Exits 77 where tracing a process is forbidden.
"""
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading

from page import blocks_of

PAGE = "docs/guide/debug_a_plugin.md"
FIRST = "$ CALLERAPI_DEBUG_PLUGINS=1 gdb -q --args callerapi call orders health"


class Answer(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        Answer.seen.append(self.headers.get("Authorization"))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def session():
    for block in blocks_of(PAGE):
        lines = block.text.splitlines()
        if lines[0] == FIRST:
            commands = [line[6:] for line in lines if line.startswith("(gdb) ")]
            return commands, [line for line in lines[1:] if not line.startswith("(gdb) ")]
    sys.exit(f"{PAGE}: no block begins with: {FIRST}")


def run_gdb(program, registry, commands):
    command = ["gdb", "-q", "-nx", "-batch"]
    for one in ["set confirm off", "set startup-with-shell off"] + commands:
        command += ["-ex", one]
    command += ["--args", program, "--registry", registry, "call", "orders", "health"]
    environment = dict(os.environ, CALLERAPI_DEBUG_PLUGINS="1", DEBUGINFOD_URLS="")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=100, check=False, env=environment)
    return done.stdout


def main(program, plugins):
    commands, expected = session()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        registry = os.path.join(folder, "registry.toml")
        with open(registry, "w", encoding="utf-8") as file:
            file.write(f'schema = 1\n[caller]\nplugin_dir = "{plugins}"\n[services.orders]\nplugin = "orders"\n'
                       f'base_url = "http://127.0.0.1:{server.server_port}"\n')
        said = run_gdb(program, registry, commands)
    if re.search(r"ptrace: Operation not permitted|Could not trace the inferior", said):
        print("skipped: this system forbids to trace a process (ptrace)")
        return 77
    at = 0
    for line in expected:
        pattern = ".*?".join(re.escape(part) for part in line.split("..."))
        found = re.compile(pattern).search(said, at)
        if not found:
            print(f"gdb did not say: {line}\n--- it said:\n{said}")
            return 1
        at = found.end()
    if Answer.seen != ["Bearer 1234"]:
        print(f"the server saw {Answer.seen}")
        return 1
    print(f"{len(commands)} commands, {len(expected)} lines as the page says")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
