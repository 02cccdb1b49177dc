#!/usr/bin/env python3
"""Plots of docs/explanation/resilience.md, from what the models of tests/simulation write.

usage: resilience.py SIMULATION_TESTS FOLDER
Runs the models and writes overload.svg, balance.svg and adaptive.svg into FOLDER. The models are in virtual time and
decided by a seed: the same tree gives the same plots.
"""
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 300, 56, 40, 34, 24
COLOURS = ("#c0392b", "#2471a3", "#1e8449")


def series(program):
    """Name -> values by second, as the models wrote them."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "series.csv"
        subprocess.run([program, "--gtest_filter=Overload*:S19.N11*:Adaptive.A*"], check=True,
                       env={**os.environ, "CALLERAPI_SERIES": str(file)}, stdout=subprocess.DEVNULL)
        lines = collections.defaultdict(list)
        for line in file.read_text().splitlines():
            name, _, value = line.rsplit(",", 2)
            lines[name].append(float(value))
        return lines


def plot(title, unit, lines, bands, top, step):
    """One SVG: a line for each series over seconds, grey bands with a name each."""
    seconds = max(len(values) for values in lines.values())

    def x(second):
        return LEFT + second * (WIDTH - LEFT - RIGHT) / seconds

    def y(value):
        return HEIGHT - BOTTOM - min(value, top) * (HEIGHT - BOTTOM - TOP) / top

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="16" font-size="14">{title}</text>']
    for begin, end, name in bands:
        out.append(f'<rect x="{x(begin):.1f}" y="{TOP}" width="{x(end) - x(begin):.1f}" '
                   f'height="{HEIGHT - BOTTOM - TOP}" fill="#eeeeee"/>'
                   f'<text x="{x(begin) + 4:.1f}" y="{TOP + 14}" fill="#666666">{name}</text>')
    value = 0
    while value <= top:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
                   'stroke="#dddddd"/>'
                   f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}{unit}</text>')
        value += step
    for second in range(0, seconds + 1, 20):
        out.append(f'<text x="{x(second):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{second} s</text>')
    for (name, values), colour in zip(lines.items(), COLOURS):
        points = " ".join(f"{x(i + 0.5):.1f},{y(value):.1f}" for i, value in enumerate(values))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    at = LEFT
    for name, colour in zip(lines, COLOURS):
        out.append(f'<rect x="{at}" y="{HEIGHT - 14}" width="14" height="3" fill="{colour}"/>'
                   f'<text x="{at + 18}" y="{HEIGHT - 9}">{name}</text>')
        at += 40 + 7 * len(name)
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    all_of = series(sys.argv[1])
    folder = pathlib.Path(sys.argv[2])
    overload = {name: all_of[name] for name in
                ("retries alone", "budget and breaker", "and 40 calls in flight")}
    (folder / "overload.svg").write_text(
        plot("Answered each second; 85 calls/s, 150 for 15 s, room for 100", "", overload,
             [(20, 35, "spike")], 160, 40))
    balance = {name: [100 * value for value in all_of[name]] for name in
               ("round_robin without ejection", "p2c_ewma")}
    (folder / "balance.svg").write_text(
        plot("Share of calls that go to one of three instances", " %", balance,
             [(10, 40, "it fails in 1 ms")], 60, 20))
    adaptive = {name: [value / 1000 for value in all_of[name]] for name in
                ("limits.inflight = 256", "and limits.adaptive")}
    (folder / "adaptive.svg").write_text(
        plot("Median latency; 200 calls/s, room for 400", " s", adaptive,
             [(30, 60, "room for 80")], 4, 1))


if __name__ == "__main__":
    main()
