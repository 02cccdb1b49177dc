#!/usr/bin/python3
"""The client of from_other_languages.md against the real program and the real httpbin.
Usage: pipe_client_test.py CALLERAPI PLUGIN_DIR"""
import asyncio
import base64
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../integration"), os.path.join(HERE, "../../docs/guide/examples")]
from httpbin import httpbin_registry
from pipe_client import Pipe, PipeEnded


def body(answer):
    return base64.b64decode(answer["body_b64"])


def call(pipe, endpoint, **members):
    return pipe.ask("call", service="httpbin", endpoint=endpoint, **members)


async def several_calls_are_in_flight_and_each_gets_its_own_answer(pipe):
    begun = time.monotonic()
    delays = [call(pipe, "delay", path={"seconds": 1}) for _ in range(4)]
    sizes = [call(pipe, "bytes", path={"count": n}) for n in range(1, 21)]
    answers = await asyncio.gather(*delays, *sizes)
    assert [a["status"] for a in answers] == [200] * 24
    assert [len(body(a)) for a in answers[4:]] == list(range(1, 21))
    assert time.monotonic() - begun < 3.5, "four calls of one second each ran one after the other"


async def a_body_longer_than_a_line_of_asyncio_arrives(pipe):
    answer = await call(pipe, "bytes", path={"count": 100_000})
    assert len(body(answer)) == 100_000


async def an_error_is_an_answer(pipe):
    late = await call(pipe, "delay", path={"seconds": 1}, timeout_ms=100)
    assert (late["outcome"], late["error"], late["sent"]) == ("error", "deadline_exceeded", "maybe"), late
    missing = await call(pipe, "gett")
    assert missing["error"] == "unknown_endpoint", missing


async def cancelling_the_task_cancels_the_call(pipe):
    slow = asyncio.create_task(call(pipe, "delay", path={"seconds": 2}))
    while (await pipe.ask("stats"))["calls_in_flight"] == 0:
        pass
    slow.cancel()
    try:
        await slow
        raise AssertionError("a cancelled task answered")
    except asyncio.CancelledError:
        pass
    until = time.monotonic() + 1.5  # the service itself would take 2 s
    while (await pipe.ask("stats"))["calls_in_flight"] > 0:
        assert time.monotonic() < until, "the call went on after its task was cancelled"


async def leaving_finishes_what_is_in_flight(pipe):
    last = asyncio.create_task(call(pipe, "delay", path={"seconds": 1}))
    while (await pipe.ask("stats"))["calls_in_flight"] == 0:
        pass
    return last


async def a_program_that_dies_fails_every_waiting_call(options):
    async with Pipe(*options, program=sys.argv[1]) as pipe:
        slow = asyncio.create_task(call(pipe, "delay", path={"seconds": 2}))
        while (await pipe.ask("stats"))["calls_in_flight"] == 0:
            pass
        pipe.process.send_signal(signal.SIGKILL)
        for waiting in (slow, pipe.ask("hello")):
            try:
                await waiting
                raise AssertionError("an answer of a dead program")
            except PipeEnded:
                pass


async def main(registry):
    options = ("--registry", registry)
    async with Pipe(*options, program=sys.argv[1]) as pipe:
        await several_calls_are_in_flight_and_each_gets_its_own_answer(pipe)
        await a_body_longer_than_a_line_of_asyncio_arrives(pipe)
        await an_error_is_an_answer(pipe)
        await cancelling_the_task_cancels_the_call(pipe)
        last = await leaving_finishes_what_is_in_flight(pipe)
    assert last.done() and last.result()["status"] == 200
    assert pipe.process.returncode == 0
    await a_program_that_dies_fails_every_waiting_call(options)


with httpbin_registry(sys.argv[2]) as path:
    asyncio.run(asyncio.wait_for(main(path), 60))
