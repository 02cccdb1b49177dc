#!/usr/bin/env python3
"""aiohttp: one session for all calls, or with --session-per-call a new one for each."""
import argparse
import asyncio
import json
import resource
import ssl
import sys
import time

import aiohttp

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--method", default="GET")
parser.add_argument("--body-file")
parser.add_argument("--ca")
parser.add_argument("--session-per-call", action="store_true")
for name, otherwise in (("concurrency", 1), ("warmup", 0), ("requests", 1), ("expect-bytes", 0)):
    parser.add_argument("--" + name, type=int, default=otherwise)
asked = parser.parse_args()

context = ssl.create_default_context(cafile=asked.ca) if asked.ca else None
body = open(asked.body_file, "rb").read() if asked.body_file else None
headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})


def new_session():
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=context))


async def call(session):
    async with session.request(asked.method, asked.url, data=body, headers=headers) as answer:
        if asked.expect_bytes > 1 << 20:
            got = 0
            async for piece in answer.content.iter_any():
                got += len(piece)
        else:
            got = len(await answer.read())
        return answer.status == 200 and got == asked.expect_bytes


class Loop:
    def __init__(self, session, calls):
        self.session, self.left, self.wrong, self.took = session, calls, 0, []

    async def lane(self):
        while self.left > 0:
            self.left -= 1
            began = time.perf_counter()
            if asked.session_per_call:
                async with new_session() as session:
                    right = await call(session)
            else:
                right = await call(self.session)
            self.wrong += not right
            self.took.append(time.perf_counter() - began)

    async def run(self):
        await asyncio.gather(*(self.lane() for _ in range(asked.concurrency)))
        return self


async def main():
    async with new_session() as session:
        await Loop(session, asked.warmup).run()
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        loop = await Loop(session, asked.requests).run()
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
    took = sorted(loop.took)
    user = (after.ru_utime - before.ru_utime) * 1e6
    kernel = (after.ru_stime - before.ru_stime) * 1e6
    print(json.dumps({
        "calls": len(took), "errors": loop.wrong, "seconds": seconds, "calls_per_second": len(took) / seconds,
        "cpu_us_per_call": (user + kernel) / len(took), "user_us_per_call": user / len(took),
        "p50_us": took[int(0.5 * (len(took) - 1))] * 1e6, "p99_us": took[int(0.99 * (len(took) - 1))] * 1e6}))
    return 1 if loop.wrong or len(took) != asked.requests else 0


sys.exit(asyncio.run(main()))
