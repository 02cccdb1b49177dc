"""The real httpbin on a free loopback port, for as long as a `with` block."""
import contextlib
import os
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise SystemExit("httpbin did not start")


@contextlib.contextmanager
def httpbin_registry(plugin_dir):
    """Gives the path of a registry with the one service `httpbin`."""
    port = free_port()
    server = subprocess.Popen(
        ["/usr/bin/gunicorn", "-b", f"127.0.0.1:{port}", "-w", "1", "-k", "gthread", "--threads", "8",
         "--keep-alive", "30", "httpbin:app"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "HOME": "/tmp"})
    try:
        await_port(port)
        with tempfile.TemporaryDirectory() as folder:
            registry = os.path.join(folder, "registry.toml")
            with open(registry, "w", encoding="utf-8") as file:
                file.write(f'schema = 1\n[caller]\nplugin_dir = "{plugin_dir}"\n[services.httpbin]\n'
                           f'plugin = "httpbin"\nbase_url = "http://127.0.0.1:{port}"\n')
            yield registry
    finally:
        server.terminate()
        server.wait()
