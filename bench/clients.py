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
        out = ["--url", server.url(case.target, case.tls), "--concurrency", str(case.lanes),
               "--requests", str(requests), "--warmup", str(case.warmup),
               "--expect-bytes", str(case.expect_bytes)]
        if case.post:
            out += ["--method", "POST", "--body-file", server.body]
        if case.tls:
            out += ["--ca", server.ca]
        return out + self.more

    def read(self, text, usage):
        del usage
        return json.loads(text)


class CallerApi(Client):
    """`callerapi bench`, with everything on that is on by default."""

    def __init__(self, name, label, blocking):
        super().__init__(name, label)
        self.program, self.blocking = "callerapi", blocking

    def arguments(self, server, case, requests):
        most = case.lanes + 8
        registry = server.write("registry.toml", (
            f'schema = 1\n[caller]\nplugin_dir = "{self.plugins}"\n'
            f'[defaults]\npool.connections_max = {most}\npool.queue_max = {most}\nlimits.inflight = {most}\n'
            f'timeouts.total = "100s"\ntimeouts.attempt = "100s"\n'
            f'[services.plain]\nplugin = "http"\nbase_url = "{server.url("")}"\n'
            f'[services.tls]\nplugin = "http"\nbase_url = "{server.url("", True)}"\ntls.ca_file = "{server.ca}"\n'))
        out = ["--registry", registry, "bench", "tls" if case.tls else "plain", "POST" if case.post else "GET",
               case.target, "--json", "--requests", str(requests), "--warmup", str(case.warmup),
               "--expect-bytes", str(case.expect_bytes)]
        out += ["--sync", "--threads", str(case.lanes)] if self.blocking else ["--concurrency", str(case.lanes)]
        if case.post:
            out += ["--body", "@" + server.body]
        if case.large:
            out += ["--discard"]
        return out

    def command(self, build, server, case, requests):
        self.plugins = os.path.join(build, "plugins")
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
                *script, server.url(case.target, case.tls)]

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
WRK = Wrk("wrk", "wrk -t1")
