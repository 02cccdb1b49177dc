"""What reloading costs the calls in flight: the same open loop without reloads, with one and with ten a second.
Each reload changes the service that is called and its plugin, and adds or removes a tenth of the others."""
import html
import json
import math
import os
import re
import statistics
import subprocess

import server

SERVICES, RATE, LANES = 1_000, 3_000, 64
A_SECOND = (0, 1, 10)
PARTS = (("p50_us", "50 %"), ("p90_us", "90 %"), ("p99_us", "99 %"), ("p999_us", "99.9 %"), ("p9999_us", "99.99 %"),
         ("max_us", "all"))
SAID = re.compile(r"reloads (\d+) refused (\d+) median_ms ([\d.]+) longest_ms ([\d.]+)")


class Case:
    """What server.url() asks of a case."""
    upload, reconnect, tls = 0, False, False


def run_once(build, service, cores, a_second, seconds):
    """Its figures, or why there are none. On all cores: a reload is work for another one than the loop's."""
    command = [os.path.join(build, "bin", "peer_ours_reload"), "--url", service.url(Case, "/answer"),
               "--concurrency", str(LANES), "--requests", str(RATE * seconds), "--warmup", str(RATE // 2),
               "--expect-bytes", str(len(server.ANSWER)), "--rate", str(RATE), "--services", str(SERVICES),
               "--reloads", str(a_second), "--plugin", os.path.join(build, "plugins", "bench_hooked.capi.so")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=lambda: server.on_cores(cores))
    said = SAID.findall(ran.stderr)
    if ran.returncode != 0 or not said or int(said[-1][1]) > 0:
        return None, ran.stderr.strip()
    return {**json.loads(ran.stdout), "reloads": int(said[-1][0]), "reload_ms": float(said[-1][2])}, ""


def measure(build, service, cores, runs, seconds):
    taken, faults = {a_second: [] for a_second in A_SECOND}, []
    for _ in range(runs):
        for a_second, of_it in taken.items():
            figures, why = run_once(build, service, cores, a_second, seconds)
            if figures:
                of_it.append(figures)
            else:
                faults.append(f"{a_second} reloads a second: {why}")
    lines = [{"a_second": a_second, **{key: statistics.median(one[key] for one in of_it)
                                       for key in [key for key, _ in PARTS] + ["reloads", "reload_ms"]}}
             for a_second, of_it in taken.items() if of_it]
    return {"services": SERVICES, "rate": RATE, "runs": runs, "seconds": seconds, "lines": lines}, faults


def title(found):
    return (f"Calls while the registry is reloaded: {found['rate']:,} a second, {found['services']:,} services")


def rows(found):
    yield ["reloads a second", *("longest, us" if name == "all" else f"{name} within, us" for _, name in PARTS), "reloads", "one takes, ms"]
    for line in found["lines"]:
        yield [str(line["a_second"]), *(f"{line[key]:,.0f}" for key, _ in PARTS), f"{line['reloads']:.0f}",
               f"{line['reload_ms']:.0f}" if line["reloads"] else "-"]


def svg(found, note):
    """Latency over the part of the calls that stayed below it, both logarithmic."""
    width, height, left, right, top, bottom = 760, 320, 70, 150, 34, 54
    most = max(line["max_us"] for line in found["lines"]) * 1.2
    least = min(line["p50_us"] for line in found["lines"]) / 1.5

    def x(i):
        return left + i * (width - left - right) / (len(PARTS) - 1)

    def y(us):
        return top + (height - top - bottom) * math.log(most / us) / math.log(most / least)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           f'font-size="12"><rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="18" font-size="14">{html.escape(title(found))}</text>']
    for power in range(math.ceil(math.log10(least)), math.floor(math.log10(most)) + 1):
        us = 10.0 ** power
        name = f"{us:g} us" if us < 1e3 else f"{us / 1e3:g} ms" if us < 1e6 else f"{us / 1e6:g} s"
        out.append(f'<line x1="{left}" x2="{width - right}" y1="{y(us):.1f}" y2="{y(us):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{y(us) + 4:.1f}" text-anchor="end">{name}</text>')
    for i, (_, name) in enumerate(PARTS):
        out.append(f'<text x="{x(i):.1f}" y="{height - bottom + 18}" text-anchor="middle">{name}</text>')
    for n, (line, colour) in enumerate(zip(found["lines"], ("#94a3b8", "#3b6ea5", "#c2410c"))):
        points = " ".join(f"{x(i):.1f},{y(line[key]):.1f}" for i, (key, _) in enumerate(PARTS))
        label = {0: "no reloads", 1: "1 reload a second"}.get(line["a_second"], f"{line['a_second']} reloads a second")
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
                   f'<rect x="{width - right + 10}" y="{top + 20 * n + 8}" width="14" height="3" fill="{colour}"/>'
                   f'<text x="{width - right + 28}" y="{top + 20 * n + 14}">{label}</text>')
    out.append(f'<text x="{left}" y="{height - 10}" fill="#666" font-size="11">{html.escape(note)}</text></svg>')
    return "\n".join(out) + "\n"
