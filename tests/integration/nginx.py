#!/usr/bin/env python3
"""The real nginx, which ends each connection after 7 requests: 2,000 GETs and 200 POSTs through the
pipe all succeed, and no POST arrives twice. Usage: nginx.py CALLERAPI PLUGIN_DIR"""
import json
import os
import subprocess
import sys
import tempfile

from httpbin import await_port, free_port

GETS, POSTS = 2000, 200

with tempfile.TemporaryDirectory() as folder:
    port = free_port()
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""daemon off; pid {folder}/pid; error_log {folder}/error.log;
{'user root;' if os.getuid() == 0 else ''}
events {{ worker_connections 512; }}
http {{
  log_format posts '$request_method $request_uri'; access_log {folder}/access.log posts;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 7;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "fine"; }} }}
}}
""")
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", config, "-p", folder])
    try:
        await_port(port)
        registry = os.path.join(folder, "registry.toml")
        with open(registry, "w", encoding="utf-8") as file:
            file.write(f'schema = 1\n[caller]\nplugin_dir = "{sys.argv[2]}"\n[services.nginx]\nplugin = "http"\n'
                       f'base_url = "http://127.0.0.1:{port}"\n')
        lines = [{"id": f"g{n}", "op": "request", "service": "nginx", "method": "GET", "path": "/g"}
                 for n in range(GETS)]
        lines += [{"id": f"p{n}", "op": "request", "service": "nginx", "method": "POST", "path": f"/p{n}",
                   "body_b64": "eA=="} for n in range(POSTS)]
        run = subprocess.run([sys.argv[1], "--registry", registry, "pipe", "--concurrency", "8"],
                             input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True,
                             text=True, timeout=100, check=False)
    finally:
        nginx.terminate()
        nginx.wait()
    with open(os.path.join(folder, "access.log"), encoding="utf-8") as file:
        arrived = file.read().splitlines()
answers = [json.loads(line) for line in run.stdout.splitlines()]
bad = [a for a in answers if a.get("status") != 200]
posts = [line for line in arrived if line.startswith("POST")]
print(f"{len(answers)} answers, {len(bad)} not 200; {len(arrived)} requests arrived, {len(posts)} POSTs")
if bad or len(answers) != GETS + POSTS:
    sys.exit(str(bad[:3]) + run.stderr)
if len(posts) != POSTS or len(set(posts)) != POSTS:
    sys.exit("a POST arrived twice")
