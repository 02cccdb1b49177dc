#!/usr/bin/python3
"""Tries what the pages show: every fenced block of README.md and docs/, every link, every message.

Usage: check_blocks.py shape|cpp|toml|python|messages|rules|commands [SETTING=VALUE...]
Settings: cxx, callerapi (the programs), plugins (the folder of built plugins).

A block stands alone unless an HTML comment on the line before its fence says otherwise:
  <!-- within: NAME -->   it takes the place of the line BLOCK in tests/docs/within/NAME.in
  <!-- file: NAME -->     it is kept under that name, and later blocks of its page may use it;
                          `registry.toml` is added to this repository's
  <!-- same: PATH -->     it is that file of this tree, to the byte
By language: cpp compiles without a warning; toml passes `callerapi lint`; python compiles, `await`
outside a function included; cmake is built (write_a_plugin.md); sh is read by bash, and `./dev X`
exists; the commands of console (`$ ...`) are run and print what follows them; json lines with an `op`
go through `callerapi pipe`, those with an `outcome` are what it answers; yaml is a file of rules for
Prometheus: promtool reads it, and its metrics and their labels are those of the reference; text is not tried. In what is
expected, `...` is anything. Commands and lines talk to the real httpbin, at 127.0.0.1:8080 in the text.
"""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from page import ROOT, blocks_of, pages, read, write

NOTES = {"within", "file", "same"}
LANGUAGES = {"cpp", "toml", "python", "cmake", "sh", "console", "json", "yaml", "text"}
VARIABLES = {"BILLING_URL": "http://127.0.0.1:8080", "HTTPBIN_URL": "http://127.0.0.1:8080",
             "BILLING_TOKEN": "abc", "LOGIN_SECRET": "def"}


def blocks(*languages):
    return [b for page in pages() for b in blocks_of(page) if b.language in languages]


def place(block):
    return f"{block.page}:{block.line}"


def surrounded(block):
    if "within" not in block.notes:
        return block.text
    frame = read(os.path.join("tests/docs/within", block.notes["within"] + ".in"))
    return frame.replace("BLOCK\n", block.text)


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)


# shape ----------------------------------------------------------------------------------------------

def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^(`{3,}).*?^\1\s*$", "", text))


def anchors(page):
    heads = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^(`{3,}).*?^\1\s*$", "", read(page)))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


def broken_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(read(page))):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        to = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(os.path.join(ROOT, to)):
            yield f"{page}: the link {target} leads nowhere"
        elif anchor and to.endswith(".md") and anchor not in anchors(to):
            yield f"{page}: {to} has no heading for {target}"


def shape():
    for page in pages():
        yield from broken_links(page)
        for block in blocks_of(page):
            if block.language not in LANGUAGES:
                yield f"{place(block)}: a block of '{block.language}' is not tried; write one of " \
                      f"{', '.join(sorted(LANGUAGES))}"
            if not block.notes.keys() <= NOTES:
                yield f"{place(block)}: the comment before it says none of {', '.join(sorted(NOTES))}"
            same = block.notes.get("same")
            if same and block.text != read(same):
                yield f"{place(block)}: differs from {same}"
    for block in blocks("sh"):
        if run(["bash", "-n", "-c", block.text]).returncode != 0:
            yield f"{place(block)}: bash cannot read it"
        for command in re.findall(r"\./dev (\w+)", block.text):
            if f"cmd_{command}()" not in read("dev"):
                yield f"{place(block)}: ./dev knows no '{command}'"


# cpp ------------------------------------------------------------------------------------------------

def marked(block, text):
    """The text with #line, so that the compiler names the page."""
    return text.replace(block.text, f'#line {block.line} "{block.page}"\n{block.text}')


def units(folder):
    """Whole programs are units of their own; all the others share one, each in a namespace of its own."""
    includes, bodies = [], []
    for number, block in enumerate(blocks("cpp")):
        if "file" in block.notes:
            write(os.path.join(folder, block.notes["file"]), block.text)
        if block.notes.get("file", "").endswith(".hpp"):
            continue  # compiled where it is included
        if "int main(" in block.text:
            yield f"unit{number}.cpp", marked(block, block.text)
            continue
        text = marked(block, surrounded(block))
        includes += re.findall(r"(?m)^#include .*$", text)
        bodies.append(f"namespace block_{number} {{\n" +
                      re.sub(r"(?m)^#include .*$", "", text) + "}\n")
    yield "fragments.cpp", "\n".join(dict.fromkeys(includes)) + "\n" + "".join(bodies)


def cpp(cxx):
    plugins = os.path.join(ROOT, "plugins")
    seen = [os.path.join(ROOT, "framework/include"), plugins]
    seen += [entry.path for entry in os.scandir(plugins) if entry.is_dir()]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in list(units(folder)):
            path = os.path.join(folder, name)
            write(path, text)
            done = run([cxx, "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", "-I", folder, path] +
                       [f"-I{at}" for at in seen])
            if done.returncode != 0:
                yield done.stderr


# toml, python, messages -----------------------------------------------------------------------------

def write_certificate(folder):
    """ca.pem, own.pem and own.key, as pages about TLS name them."""
    done = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "1", "-subj", "/CN=page", "-keyout", "own.key", "-out", "own.pem"], cwd=folder)
    if done.returncode != 0:
        sys.exit(done.stderr)
    shutil.copy(os.path.join(folder, "own.pem"), os.path.join(folder, "ca.pem"))


def toml(callerapi):
    for block in blocks("toml"):
        text = surrounded(block)
        if block.notes.get("file") == "registry.toml":
            text = read("registry.toml") + text
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "secrets"))
            write(os.path.join(folder, "secrets/billing"), "s3cret\n")
            if "own.pem" in text:
                write_certificate(folder)
            write(os.path.join(folder, "registry.toml"), text)
            done = run([callerapi, "lint"], cwd=folder, env=VARIABLES)
        if done.returncode != 0:
            yield f"{place(block)}: {done.stderr}"


def python():
    for block in blocks("python"):
        try:
            compile("\n" * (block.line - 1) + block.text, block.page, "exec",
                    flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as e:
            yield f"{place(block)}: {e}"


def literals():
    """Every string of the framework, those that stand side by side joined as the compiler does."""
    text = []
    for at, _, names in os.walk(os.path.join(ROOT, "framework")):
        for name in names:
            if name.endswith((".cpp", ".hpp", ".inc")):
                source = re.sub(r"(?m)^\s*//.*$", "", read(os.path.join(at, name)))
                text += re.findall(r'"((?:[^"\\\n]|\\.)*)"', re.sub(r'(?<!\\)"\s*"', "", source))
    return "\n".join(text)


def messages():
    known, rows = literals(), 0
    of_the_system = [os.strerror(number) for number in range(1, 134)]
    for page in pages():
        table = False
        for number, line in enumerate(read(page).splitlines(), 1):
            table = line.startswith("| message |") or (table and line.startswith("|"))
            if not table or re.match(r"\| (message|---)|\|---", line):
                continue
            rows += 1
            message = line.split("|")[1].strip().strip("`")
            for text in of_the_system:
                message = message.replace(text, "...")
            for part in message.split("..."):
                if part.strip() not in known:
                    yield f"{page}:{number}: no message of the code holds '{part.strip()}'"
    if rows == 0:
        yield "no page holds a table of messages"


# rules ----------------------------------------------------------------------------------------------

SKIPPED = 77
# Prometheus' own: labels that histograms have, and what a selector or a grouping may hold beside.
SUFFIX = r"_(bucket|sum|count)$"


def metrics_reference():
    """Names of metrics to the set of their labels."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| `[\w.]+` \| (\w+) \| (.*?)\| ", read("docs/reference/metrics.md"))
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows}


def unknown_in(expression, known):
    """What an expression asks for and nobody measures."""
    for name, _, matchers in re.findall(r"\b((?:callerapi|http|dns)_\w+)(\{([^}]*)\})?", expression):
        metric = name if name in known else re.sub(SUFFIX, "", name)
        if metric not in known:
            yield f"no metric is named {name}"
            continue
        labels = set(re.findall(r"(\w+)\s*[=!]", matchers)) - known[metric] - {"le"}
        yield from (f"{metric} has no label {label}" for label in sorted(labels))
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    for label in {label.strip() for group in grouped for label in group.split(",")} - {"le"}:
        if not any(label in labels for labels in known.values()):
            yield f"no metric has the label {label}"


def rules():
    known, tried = metrics_reference(), blocks("yaml")
    if len(known) < 20 or not tried:
        yield "no metrics in the reference, or no rules on any page"
    unknown = [f"{place(block)}: {fault}" for block in tried for fault in unknown_in(block.text, known)]
    yield from unknown
    if not unknown and not shutil.which("promtool"):
        print("promtool (Debian package prometheus) is not installed")
        sys.exit(SKIPPED)
    for block in tried if shutil.which("promtool") else []:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rules.yml")
            write(path, block.text)
            done = run(["promtool", "check", "rules", path])
        if done.returncode != 0 or f"{block.text.count('alert:')} rules found" not in done.stdout:
            yield f"{place(block)}: {done.stdout}{done.stderr}"


# commands -------------------------------------------------------------------------------------------

def pattern(text):
    """`...` is anything; how wide the columns of a table are is not the page's business."""
    text = re.sub(r"(\\\.){3}", ".*", re.escape(text.rstrip()))
    return re.sub(r"(\\ ){2,}", " {2,}", text)


def console(block, folder, environment, address):
    for step in re.split(r"(?m)^\$ ", block.text)[1:]:
        command, _, wanted = step.partition("\n")
        wanted = wanted.replace("127.0.0.1:8080", address)
        done = run(["bash", "-c", f"exec 2>&1; {command}"], cwd=folder, env=environment)
        printed = re.sub(r"(?m) +$", "", done.stdout).rstrip()  # a table's last column may be empty
        if not re.fullmatch(pattern(wanted), printed, re.DOTALL):
            yield f"{place(block)}: $ {command}\nprinted\n{done.stdout}\nthe page says\n{wanted}"


def alike(wanted, found):
    if wanted == "..." or wanted == ["..."]:
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(alike(wanted[k], found[k]) for k in wanted)
    if isinstance(wanted, str) and isinstance(found, str):
        return re.fullmatch(pattern(wanted), found, re.DOTALL) is not None
    return wanted == found


def pipe(page, folder, environment):
    lines, wanted = [], []
    for block in blocks_of(page):
        if block.language == "json" and '"op"' in block.text:
            lines += block.text.splitlines()
        elif block.language == "json" and '"outcome"' in block.text:
            wanted += [json.loads(line) for line in block.text.splitlines()]
        elif block.language == "json":
            json.loads(block.text)
    if not lines:
        return
    done = run(["callerapi", "pipe"], input="\n".join(lines) + "\n", cwd=folder, env=environment)
    answers = {a["id"]: a for a in map(json.loads, done.stdout.splitlines())}
    for line in wanted:
        found = answers.get(line["id"], {})
        for measured in ("elapsed_ms", "generation"):
            if measured in line and measured in found:
                line[measured] = found[measured]
        if not alike(line, found):
            yield f"{page}: the pipe answered\n{json.dumps(found)}\nthe page says\n{json.dumps(line)}"
    if done.returncode != 0:
        yield f"{page}: the pipe ended with {done.returncode}: {done.stderr}"


def commands(callerapi, plugins):
    sys.path.insert(0, os.path.join(ROOT, "tests/integration"))
    from httpbin import httpbin_registry
    with httpbin_registry(plugins) as registry, tempfile.TemporaryDirectory() as folder:
        with open(registry, encoding="utf-8") as file:
            address = re.search(r"http://([\d.:]+)", file.read()).group(1)
        environment = {**VARIABLES, "PATH": os.path.dirname(callerapi) + ":/usr/bin:/bin",
                       "HTTPBIN_URL": "http://" + address, "BILLING_URL": "http://" + address,
                       "CALLERAPI_PLUGIN_DIR": plugins}
        os.environ["PATH"] = environment["PATH"]
        for page in pages():
            shutil.copy(os.path.join(ROOT, "registry.toml"), folder)
            for block in blocks_of(page):
                if block.notes.get("file") == "registry.toml":
                    with open(os.path.join(folder, "registry.toml"), "a", encoding="utf-8") as file:
                        file.write(block.text)
                if block.language == "console":
                    yield from console(block, folder, environment, address)
            yield from pipe(page, folder, environment)


# ----------------------------------------------------------------------------------------------------

def main():
    kind, *rest = sys.argv[1:]
    settings = dict(item.split("=", 1) for item in rest)
    faults = list(globals()[kind](**settings))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
