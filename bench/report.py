#!/usr/bin/env python3
"""What run.py found, as text, as a table of Markdown and as a plot. Usage: report.py BENCH.json PAGE.md: the
page's part between the lines MEASURED and END is replaced, and the plot written beside it."""
import html
import json
import math
import os
import sys

import reloads

BEGIN, END = "<!-- MEASURED: written by bench/report.py -->", "<!-- END -->"
OURS = "CallerAPI"
COUNTED = "System calls of one call, and what one more connection with a call on it holds"


def unit(case):
    return ("ms/GiB", 1000.0) if case["large"] else ("us", 1.0)


def last_columns(case):
    """What else is said of a client, by kind of case: a name and how its cell is made."""
    def median(key, text="{:,.0f}"):
        return lambda client: text.format(client[key]["median"])
    if case["large"]:
        return [("GiB/s", median("calls_per_second", "{:.2f}"))]
    out = [("p50 us", median("p50_us")), ("p99 us", median("p99_us"))]
    if case.get("rate"):
        return [*out, ("p99.9 us", median("p999_us")), ("longest us", median("max_us"))]
    if any("resumed" in client for client in case["clients"]):
        out.append(("resumed", median("resumed", "{:.0%}")))
    return [("calls/s", median("calls_per_second")), *out]


def rows(case):
    """Head and lines, every cell a text."""
    name, per = unit(case)
    ours = next((client for client in case["clients"] if client["label"].startswith(OURS)), case["clients"][0])
    last = last_columns(case)
    yield ["client", f"CPU {name}", "range", "user", "x first", f"x {OURS}",
           *(name for name, _ in last)]
    for client in case["clients"]:
        cpu = client["cpu_us_per_call"]
        user = client["user_us_per_call"]["median"]
        digits = 0 if case["large"] else 2
        yield [client["label"], f"{cpu['median'] / per:.{digits}f}",
               f"{cpu['least'] / per:.{max(0, digits - 1)}f}..{cpu['most'] / per:.{max(0, digits - 1)}f}",
               f"{user / per:.{digits}f}", f"{client['times_the_first']:.2f}",
               f"{cpu['median'] / ours['cpu_us_per_call']['median']:.2f}",
               *(cell(client) for _, cell in last)]


def counted_rows(counted):
    yield ["client", "calls at once", "system calls of one", "bytes of a connection", "connections"]
    for client in counted:
        calls, held = client["system_calls"], client["bytes_per_connection"]
        yield [client["label"], str(client["in_flight"]), "-" if calls is None else f"{calls:.2f}",
               "-" if held is None else f"{held:,.0f}", f"{client['connections']:,}"]


def counted_table(counted):
    return f"\n{COUNTED}\n{aligned(list(counted_rows(counted)))}"


def reloads_table(found):
    return f"\n{reloads.title(found)}\n{aligned(list(reloads.rows(found)))}"


def table(case):
    return f"\n{case['title']}\n{aligned(list(rows(case)))}"


def aligned(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))) for line in lines)


def section(title, lines):
    head, *lines = lines
    return ["", f"### {title}", "", "| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|",
            *("| " + " | ".join(f"**{cell}**" if line[0].startswith(OURS) and i == 0 else cell
                                for i, cell in enumerate(line)) + " |" for line in lines)]


def markdown(found):
    m = found["machine"]
    out = [f"Measured on {found['date']}: {m['processor']}, {m['cores']} cores, Linux {m['kernel']}; load before "
           f"the run {m['load_before']:.1f}; medians of {found['runs']}.", "",
           "![Processor time of a call](performance.svg)"]
    for case in found["cases"]:
        out += section(case["title"], rows(case))
    if "counted" in found:
        out += section(COUNTED, counted_rows(found["counted"]))
    if "reloads" in found:
        head, blank, *lines = section(reloads.title(found["reloads"]), reloads.rows(found["reloads"]))[1:]
        out += ["", head, blank, "![Calls while the registry is reloaded](reloads.svg)", "", *lines]
    for label, why in found.get("absent", {}).items():
        out += ["", f"Not measured: {label}: {why}."]
    return "\n".join(out)


class Plot:
    """Bars on a logarithmic scale, one panel for each case: medians, with a line from least to most."""
    LEFT, WIDTH, ROW, HEAD = 300, 900, 20, 44

    def __init__(self, found):
        self.parts, self.y = [], 10
        for case in found["cases"]:
            self.panel(case)
        m = found["machine"]
        self.text(10, self.y + 16, f"{m['processor']}, Linux {m['kernel']}, {found['date']}; "
                  f"medians of {found['runs']}, lines from least to most; logarithmic", "note")
        self.y += 30

    def panel(self, case):
        name, per = unit(case)
        self.text(10, self.y + 22, f"{case['title']}: processor time of a call, {name}", "title")
        self.y += self.HEAD - 10
        most = max(client["cpu_us_per_call"]["most"] for client in case["clients"]) / per
        low = min(client["cpu_us_per_call"]["least"] for client in case["clients"]) / per / 2
        span = self.WIDTH - self.LEFT - 80

        def x(value):
            return self.LEFT + span * math.log(value / low) / math.log(most / low)
        for i, client in enumerate(case["clients"]):
            cpu = {key: value / per for key, value in client["cpu_us_per_call"].items()}
            kind = "ours" if client["label"].startswith(OURS) else "floor" if i == 0 else "peer"
            top, middle = self.y + 3, self.y + self.ROW / 2
            self.text(self.LEFT - 8, middle + 4, client["label"], "label")
            self.parts.append(f'<rect class="{kind}" x="{self.LEFT}" y="{top}" width="{x(cpu["median"]) - self.LEFT:.1f}" '
                              f'height="{self.ROW - 6}"/>')
            self.parts.append(f'<path class="range" d="M{x(cpu["least"]):.1f} {middle}H{x(cpu["most"]):.1f}"/>')
            self.text(x(cpu["most"]) + 6, middle + 4, f"{cpu['median']:.3g}", "value")
            self.y += self.ROW
        self.y += 10

    def text(self, x, y, what, kind):
        self.parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{html.escape(what)}</text>')

    def svg(self):
        style = ("text{font:12px sans-serif;fill:#222}.title{font-weight:bold;font-size:13px}.label{text-anchor:end}"
                 ".note{fill:#666;font-size:11px}.ours{fill:#c2410c}.floor{fill:#94a3b8}.peer{fill:#3b6ea5}"
                 ".range{stroke:#111;stroke-width:1.5}")
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {self.y:.0f}">'
                f"<style>{style}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
                + "\n".join(self.parts) + "\n</svg>\n")


def update(page, found):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    with open(page, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{markdown(found)}\n{END}{after}")
    with open(os.path.join(os.path.dirname(page), "performance.svg"), "w", encoding="utf-8") as file:
        file.write(Plot(found).svg())
    if "reloads" in found:
        m = found["machine"]
        note = f"{m['processor']}, Linux {m['kernel']}, {found['date']}; medians of {found['reloads']['runs']}"
        with open(os.path.join(os.path.dirname(page), "reloads.svg"), "w", encoding="utf-8") as file:
            file.write(reloads.svg(found["reloads"], note))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as given:
        update(sys.argv[2], json.load(given))
