#!/usr/bin/python3
"""The client of from_other_languages.md against the real program and the real httpbin.
Usage: pipe_client_test.py CALLERAPI PLUGIN_DIR"""
import asyncio
import base64
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../integration"), os.path.join(HERE, "../../docs/guide/examples")]
from httpbin import httpbin_registry
from pipe_client import Pipe, PipeEnded


def body(answer):
    return base64.b64decode(answer["body_b64"])


def call(pipe, endpoint, **members):
    return pipe.ask("call", service="httpbin", endpoint=endpoint, **members)


async def in_flight(pipe, count):
    """Polls until the program has so many calls under way; main() bounds the wait."""
    while (await pipe.ask("stats"))["calls_in_flight"] != count:
        pass


async def several_calls_are_in_flight_and_each_gets_its_own_answer(pipe):
    slow = [asyncio.create_task(call(pipe, "delay", path={"seconds": 1})) for _ in range(4)]
    await in_flight(pipe, 4)
    answers = await asyncio.gather(*[call(pipe, "bytes", path={"count": n}) for n in range(1, 21)], *slow)
    assert [a["status"] for a in answers] == [200] * 24
    assert [len(body(a)) for a in answers[:20]] == list(range(1, 21))


async def a_body_longer_than_a_line_of_asyncio_arrives(pipe):
    answer = await call(pipe, "bytes", path={"count": 100_000})
    assert len(body(answer)) == 100_000


async def an_error_is_an_answer(pipe):
    late = await call(pipe, "delay", path={"seconds": 1}, timeout_ms=100)
    assert (late["outcome"], late["error"], late["sent"]) == ("error", "deadline_exceeded", "maybe"), late
    missing = await call(pipe, "gett")
    assert missing["error"] == "unknown_endpoint", missing


async def cancelling_the_task_cancels_the_call(pipe):
    failed = (await pipe.ask("stats"))["calls_failed"]
    slow = asyncio.create_task(call(pipe, "delay", path={"seconds": 2}))
    await in_flight(pipe, 1)
    slow.cancel()
    try:
        await slow
        raise AssertionError("a cancelled task answered")
    except asyncio.CancelledError:
        pass
    await in_flight(pipe, 0)
    stats = await pipe.ask("stats")
    assert stats["calls_failed"] == failed + 1, "the call went on after its task was cancelled"


async def leaving_finishes_what_is_in_flight(pipe):
    last = asyncio.create_task(call(pipe, "delay", path={"seconds": 1}))
    await in_flight(pipe, 1)
    return last


async def a_program_that_dies_fails_every_waiting_call(options):
    async with Pipe(*options, program=sys.argv[1]) as pipe:
        slow = asyncio.create_task(call(pipe, "delay", path={"seconds": 2}))
        await in_flight(pipe, 1)
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
