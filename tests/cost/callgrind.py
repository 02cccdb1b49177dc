#!/usr/bin/env python3
"""Counts what one round of each part of pure_parts.cpp does, under callgrind, and holds it against
instructions.txt. Usage: callgrind.py PURE_PARTS LIMITS

Counted are the instructions of this project's code and of the C++ library, and the calls into libc from them:
how many instructions libc then takes depends on the processor (it picks its memcpy by that), so they are left
out. Numbers do not depend on how busy the machine is. Without valgrind the test is skipped.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROUNDS = 100
# Of the instructions, for a compiler of another patch level; calls into libc have none.
MARGIN = 1.03
SKIPPED = 77
LIBC = re.compile(r"/(libc|libm|ld-linux[^/]*)\.so|/(libc|ld)-[\d.]+\.so|vgpreload")


def profile(program, part):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        ran = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=measured", "--dump-line=no",
                              "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={out}",
                              program, part], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            sys.exit(f"{part}: exit {ran.returncode}: {ran.stderr[-2000:]}")
        with open(out, encoding="utf-8") as file:
            return file.read().splitlines()


def counted(lines):
    """Instructions outside libc, and calls from there into it, of one round."""
    instructions = calls = 0
    here = callee = ""
    inclusive = False  # the next line is the cost of a call, which its callee has already
    for line in lines:
        if line.startswith("ob="):
            here = callee = line[3:]
        elif line.startswith("cob="):
            callee = line[4:]
        elif line.startswith("calls="):
            if LIBC.search(callee) and not LIBC.search(here):
                calls += int(line[6:].split()[0])
            inclusive, callee = True, here
        elif re.match(r"[\d+*-]", line):
            if not inclusive and not LIBC.search(here):
                instructions += int(line.split()[1])
            inclusive = False
    return instructions / ROUNDS, calls / ROUNDS


def limits(path):
    """Part -> (instructions, calls), of the lines that are no remarks."""
    with open(path, encoding="utf-8") as file:
        rows = [line.split("#")[0].split() for line in file]
    return {row[0]: (float(row[1]), float(row[2])) for row in rows if row}


def main():
    program, path = sys.argv[1:]
    if not shutil.which("valgrind"):
        print("callgrind: Skipped\nvalgrind is not installed; ./dev setup installs it")
        return SKIPPED
    most = limits(path)
    parts = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    faults = [f"{path} has no row for {part}" for part in parts if part not in most]
    faults += [f"{path} has a row for {part}, which nothing measures" for part in most if part not in parts]
    for part in parts:
        instructions, calls = counted(profile(program, part))
        print(f"{part:16} {instructions:9.1f} {calls:7.2f}")
        if part not in most:
            continue
        if instructions > most[part][0] * MARGIN:
            faults.append(f"{part}: {instructions:.0f} instructions a round, {most[part][0]:.0f} and 3 % are allowed")
        if calls > most[part][1] + 0.05:
            faults.append(f"{part}: {calls:.2f} calls into libc a round, {most[part][1]:.1f} are allowed: an "
                          "allocation or a copy more")
        if instructions < most[part][0] * 0.9:
            print(f"  less than the {most[part][0]:.0f} of {os.path.basename(path)}: lower that row")
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
