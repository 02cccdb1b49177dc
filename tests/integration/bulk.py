#!/usr/bin/env python3
"""1 GiB down and up, a quarter of it up chunked and as multipart, then 1 GiB down and up over TLS: every
byte arrives, and the process never has 16 MiB more than after a small call. What each step and curl moved a
second is printed and not judged: it is the server's pace as much as theirs.
Usage: bulk.py BULK_CLIENT PLUGIN_DIR [BYTES]"""
import os
import ssl
import subprocess
import sys
import tempfile

import loopback

EXTRA_KIB_MAX = 16 * 1024
PLAIN = ["first", "down", "up", "up-chunked", "up-multipart"]
size = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 30


def certificate(folder):
    """Of 127.0.0.1, signed by itself; answers the paths of certificate and key."""
    paths = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=bulk.py", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


def curl(url, step, zeros, more):
    """MiB a second, as curl measures itself. It does not wait for a 100 that never comes."""
    target = (["-o", os.devnull, f"{url}/down/{size}"] if step == "down" else
              ["-o", os.devnull, "-H", "Expect:", "-T", zeros, f"{url}/up"])
    speed = "speed_download" if step == "down" else "speed_upload"
    run = subprocess.run(["curl", "-sS", "-q", "--noproxy", "*", "--http1.1", "-w", "%{" + speed + "}",
                          *more, *target], capture_output=True, text=True, timeout=100, check=True)
    return float(run.stdout) / 2**20


def judge(line, before):
    name, moved, peak, ms, outcome = line
    extra = int(peak) - before
    # A multipart body is its file and a little framing.
    framing = int(moved) - (size // 4 if name in PLAIN[3:] else size)
    if outcome != "ok" or not (framing == 0 or name == "up-multipart" and 0 < framing < 1000):
        sys.exit(f"{name}: {moved} bytes of {size} arrived: {outcome}")
    if extra > EXTRA_KIB_MAX:
        sys.exit(f"{name}: {extra} KiB more than after a small call, at most {EXTRA_KIB_MAX} allowed")
    return (f"{name:13} {int(moved) / 2**20:5.0f} MiB  {extra / 1024:5.1f} MiB more memory  "
            f"{int(moved) / 2**20 * 1000 / max(int(ms), 1):6.0f} MiB/s")


def course(scheme, steps, tls, ca, zeros):
    with loopback.running(tls) as (_, port):
        url = f"{scheme}://127.0.0.1:{port}"
        run = subprocess.run([sys.argv[1], sys.argv[2], url, str(size), *ca], capture_output=True,
                             text=True, timeout=300, check=False)
        lines = [line.split(None, 4) for line in run.stdout.splitlines()]
        if run.returncode != 0 or [line[0] for line in lines] != steps:
            sys.exit(f"{scheme}: a step is missing: {run.stdout} {run.stderr}")
        for line in lines[1:]:
            text = f"{scheme:6}" + judge(line, int(lines[0][2]))
            if line[0] in ("down", "up"):
                text += f"  curl {curl(url, line[0], zeros, ['--cacert', *ca] if ca else []):6.0f} MiB/s"
            print(text, flush=True)


with tempfile.TemporaryDirectory() as folder:
    zeros = os.path.join(folder, "zeros")
    with open(zeros, "wb") as file:
        file.truncate(size)
    course("http", PLAIN, None, [], zeros)
    cert, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    course("https", PLAIN[:3], context, [cert], zeros)
