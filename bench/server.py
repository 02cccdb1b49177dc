"""nginx as the service of a comparison: one worker on a core of its own, loopback, free ports, plain, TLS, and
TLS that ends each connection after one answer; beside it peers/sink.cpp for uploads. Started and stopped with a
`with` block; everything they write is in a folder that goes with it."""
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

ANSWER = '{"answer":"' + "x" * 243 + '"}'
LARGE = 1 << 30
INVOICE = json.dumps({
    "number": 4200317, "customer": "Miller & Daughters, Cologne", "note": "second copy", "paid": True,
    "positions": [{"article": f"A-{1000 + i}", "text": "screws, stainless, box of 200", "count": 3 + i,
                   "price": 12.25 * i} for i in range(11)]}, separators=(",", ":"))


class Server:
    def __init__(self, folder, core):
        self.folder, self.core = folder, core
        self.port, self.tls_port, self.closing_port, self.sink_port = free_ports(4)
        self.ca = os.path.join(folder, "cert.pem")
        self.body, self.invoice = os.path.join(folder, "body.json"), os.path.join(folder, "invoice.json")
        self.handshakes = os.path.join(folder, "handshakes")

    def url(self, case, target):
        port = (self.sink_port if case.upload else self.closing_port if case.reconnect else
                self.tls_port if case.tls else self.port)
        return f"{'https' if case.tls else 'http'}://127.0.0.1:{port}{target}"

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", self.ca, "-keyout", os.path.join(self.folder, "key.pem")],
                       check=True, capture_output=True)
        with open(os.path.join(self.folder, "large"), "wb") as file:
            file.truncate(LARGE)
        self.write("body.json", '{"text":"' + "x" * 1031 + '"}')
        self.write("invoice.json", INVOICE)
        config = self.write("nginx.conf", CONFIG.format(
            folder=self.folder, files=open_files(), port=self.port, tls_port=self.tls_port,
            closing_port=self.closing_port, answer=ANSWER, invoice=INVOICE,
            user="user root;" if os.getuid() == 0 else ""))
        process = subprocess.Popen(["/usr/sbin/nginx", "-c", config, "-p", self.folder],
                                   stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: on_core(self.core))
        await_port(process, self.port)
        return process

    def start_sink(self, program):
        """The service of uploads; None when it was not built."""
        if not os.path.exists(program):
            return None
        process = subprocess.Popen([program, str(self.sink_port), ANSWER], preexec_fn=lambda: on_core(self.core))
        await_port(process, self.sink_port)
        return process

    def resumed(self):
        """Which part of the handshakes with the port that ends connections was short, since last asked."""
        with open(self.handshakes, "r+", encoding="utf-8") as file:
            seen = file.read()
            file.truncate(0)
        return seen.count("r") / max(1, len(seen.split()))


CONFIG = """daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
worker_processes 1; worker_rlimit_nofile {files};
events {{ worker_connections {files}; }}
http {{
  access_log off; log_format handshake $ssl_session_reused; default_type application/json; sendfile on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl backlog=4096;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    ssl_protocols TLSv1.3;
    location / {{ return 200 '{answer}'; }}
    location = /invoice {{ return 200 '{invoice}'; }}
    location = /large {{ root {folder}; default_type application/octet-stream; }}
  }}
  server {{
    listen 127.0.0.1:{closing_port} ssl backlog=4096;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    ssl_protocols TLSv1.3; keepalive_timeout 0; access_log {folder}/handshakes handshake;
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""


def on_core(core):
    """For the child between fork and exec: bound to the core, with as many open files as there may be."""
    on_cores({core})


def on_cores(cores):
    os.sched_setaffinity(0, cores)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(),) * 2)


def open_files():
    """As many as a process may have and a case may need: a connection each. nginx makes room for all at once, so
    that a limit of millions is none to use."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 20_000 if most == resource.RLIM_INFINITY else min(most, 20_000)


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def await_port(process, port):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended: {process.stderr.read() if process.stderr else ''}")
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"{process.args[0]} did not start")


@contextlib.contextmanager
def running(core, sink):
    """`sink`: the program of peers/sink.cpp."""
    with tempfile.TemporaryDirectory(prefix="callerapi-bench-") as folder:
        os.chmod(folder, 0o755)
        server = Server(folder, core)
        processes = [server.start(), server.start_sink(sink)]
        try:
            yield server
        finally:
            for process in filter(None, processes):
                process.terminate()
                process.wait(30)
