"""The clients of the comparison: how each is asked for so many calls, and how what it prints is read."""
import json
import os
import re
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
# A run of a slow client is shorter: what it costs is known as well after a tenth of the calls.
SLOW, SLOWEST = 1 / 8, 1 / 20


class Client:
    """A program of peers/: it measures itself from inside, without its start and its warm-up."""

    def __init__(self, name, label, share=1.0, program=None, more=()):
        self.name, self.label, self.share, self.more = name, label, share, list(more)
        self.program = program or f"peer_{name}"

    def missing(self, build):
        """Why it cannot run here, or nothing."""
        path = os.path.join(build, "bin", self.program)
        return None if os.path.exists(path) else f"{path} was not built"

    def command(self, build, server, case, requests):
        return [os.path.join(build, "bin", self.program)] + self.arguments(server, case, requests)

    def arguments(self, server, case, requests):
        out = ["--url", server.url(case, case.target), "--concurrency", str(case.lanes),
               "--requests", str(requests), "--warmup", str(case.warmup),
               "--expect-bytes", str(case.expect_bytes)]
        if case.post or case.upload:
            out += ["--method", "POST"]
        if case.post:
            out += ["--body-file", server.invoice if case.json else server.body]
        for name, value in (("--send-bytes", case.upload), ("--rate", case.rate), ("--json", case.json),
                            ("--reconnect", case.reconnect)):
            out += [name, str(int(value))] if value else []
        if case.tls:
            out += ["--ca", server.ca]
        return out + self.more

    def read(self, text, usage):
        del usage
        return json.loads(text)


def registry(server, case, build):
    """Of ours: everything on that is on by default, and room for all calls at once."""
    most = (10_000 if case.rate else case.lanes) + 8
    lines = [f'schema = 1\n[caller]\nplugin_dir = "{os.path.join(build, "plugins")}"\n[defaults]',
             f'pool.connections_max = {case.lanes if case.rate else most}',
             f'pool.queue_max = {most}\nlimits.inflight = {most}',
             'timeouts.total = "100s"\ntimeouts.attempt = "100s"',
             f'[services.plain]\nplugin = "http"\nbase_url = "{server.url(case, "")}"']
    if case.tls:
        lines.append(f'tls.ca_file = "{server.ca}"')
    return server.write("registry.toml", "\n".join(lines) + "\n")


class Ours(Client):
    """What `callerapi bench` cannot ask of ours, in a program of peers/."""

    def command(self, build, server, case, requests):
        return [*super().command(build, server, case, requests), "--registry", registry(server, case, build)]


class CallerApi(Client):
    """`callerapi bench`, with everything on that is on by default."""

    def __init__(self, name, label, blocking):
        super().__init__(name, label, program="callerapi")
        self.blocking = blocking

    def arguments(self, server, case, requests):
        out = ["--registry", registry(server, case, self.build), "bench", "plain",
               "POST" if case.post else "GET", case.target, "--json", "--requests", str(requests), "--warmup", str(case.warmup),
               "--expect-bytes", str(case.expect_bytes)]
        out += ["--sync", "--threads", str(case.lanes)] if self.blocking else ["--concurrency", str(case.lanes)]
        if case.post:
            out += ["--body", "@" + server.body]
        if case.large:
            out += ["--discard"]
        return out

    def command(self, build, server, case, requests):
        self.build = build
        return super().command(build, server, case, requests)


class Aiohttp(Client):
    def missing(self, build):
        found = os.path.isdir("/usr/lib/python3/dist-packages/aiohttp")
        return None if found else "python3-aiohttp is not installed"

    def command(self, build, server, case, requests):
        return ["/usr/bin/python3", os.path.join(HERE, "peers", "aiohttp_peer.py"),
                *self.arguments(server, case, requests)]


class Wrk(Client):
    """Measured from outside, its start and its first calls included; it does not look at bodies."""

    def missing(self, build):
        return None if shutil.which("wrk") else "wrk is not installed"

    def command(self, build, server, case, requests):
        script = []
        if case.post:
            with open(server.body, encoding="utf-8") as file:
                body = file.read()
            script = ["-s", server.write("post.lua", f"wrk.method='POST' wrk.body='{body}' "
                                         "wrk.headers['Content-Type']='application/json'")]
        return ["wrk", "-t1", f"-c{case.lanes}", f"-d{max(1, round(requests / 60000))}s", "--latency",
                *script, server.url(case, case.target)]

    def read(self, text, usage):
        calls = int(re.search(r"(\d+) requests in", text).group(1))
        times = {part: float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
                 for part, number, unit in re.findall(r"^ +(50|99)% +([\d.]+)(us|ms|s)$", text, re.M)}
        return {"calls": calls, "errors": int("Non-2xx" in text or "Socket errors" in text),
                "calls_per_second": float(re.search(r"Requests/sec: +([\d.]+)", text).group(1)),
                "cpu_us_per_call": (usage.ru_utime + usage.ru_stime) * 1e6 / calls,
                "user_us_per_call": usage.ru_utime * 1e6 / calls, "p50_us": times["50"], "p99_us": times["99"]}


FLOOR_POLL = Client("floor_poll", "bare poll and read")
FLOOR_EPOLL = Client("floor_epoll", "bare epoll")
SYNC = CallerApi("callerapi_sync", "CallerAPI, blocking", True)
ASYNC = CallerApi("callerapi", "CallerAPI", False)
CURL_EASY = Client("curl_easy", "libcurl easy", 0.5)
CURL_MULTI = Client("curl_multi", "libcurl multi", 0.5)
HTTPLIB = Client("httplib", "cpp-httplib, a thread per call", 0.5)
POCO = Client("poco", "Poco HTTPClientSession, a thread per call", 0.5)
BEAST = Client("beast", "Boost.Beast with time-outs")
GO = Client("go", "Go net/http, GOMAXPROCS=1", 0.5)
AIOHTTP = Aiohttp("aiohttp", "aiohttp, one session", SLOW)
AIOHTTP_EACH = Aiohttp("aiohttp_each", "aiohttp, a session per call", SLOWEST, more=["--session-per-call"])
FLOOR_JSON = Client("floor_json", "bare epoll and Boost.JSON", program="peer_floor_epoll")
TYPED = Ours("callerapi_typed", "CallerAPI, a type each way", program="peer_ours_typed")
UPLOAD = Ours("callerapi_upload", "CallerAPI, blocking", program="peer_ours_upload")
OPEN = Ours("callerapi_open", "CallerAPI", program="peer_ours_open")
WRK = Wrk("wrk", "wrk -t1")
