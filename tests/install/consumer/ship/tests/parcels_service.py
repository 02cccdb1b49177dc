#!/usr/bin/env python3
"""The parcels service on a free loopback port, for as long as a program runs.
Usage: parcels_service.py PROGRAM [ARGUMENT...]; the program finds the service in PARCELS_URL."""
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Parcels(BaseHTTPRequestHandler):
    """Strict about what it is sent, so that a caller that is wrong sees a status of 400 and more."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment
    parcels, labels = {}, {}

    def answer(self, status, value=None, content_type="application/json"):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, detail):
        self.answer(status, {"title": "refused", "status": status, "detail": detail}, "application/problem+json")

    def parcel(self):
        """The parcel of the path, or None after a 404."""
        match = re.fullmatch(r"/v1/parcels/([\w-]+)(?:/label)?", urlsplit(self.path).path)
        found = self.parcels.get(match.group(1)) if match else None
        if found is None:
            self.refuse(404, "no such parcel")
        return found

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/v1/parcels":
            to = parse_qs(url.query).get("to")
            self.answer(200, [p for p in self.parcels.values() if to is None or p["to"] in to])
        elif parcel := self.parcel():
            self.answer(200, parcel)

    def do_POST(self):
        parcel = json.loads(self.body())
        if not self.headers.get("Idempotency-Key"):
            return self.refuse(400, "no Idempotency-Key")
        if self.path != "/v1/parcels" or not parcel["to"] or parcel["grams"] <= 0:
            return self.refuse(422, "a parcel goes somewhere and weighs something")
        parcel["id"] = f"p-{len(self.parcels) + 1}"
        self.parcels[parcel["id"]] = parcel
        return self.answer(201, parcel)

    def do_PUT(self):
        label = self.body()
        if parcel := self.parcel():
            self.labels[parcel["id"]] = label
            self.answer(204)

    def do_DELETE(self):
        if parcel := self.parcel():
            del self.parcels[parcel["id"]]
            self.answer(204)

    def log_message(self, *_):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parcels)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    run = subprocess.run(sys.argv[1:], env=os.environ | {"PARCELS_URL": url}, timeout=60, check=False)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
