#!/usr/bin/env python3
"""`callerapi plugin`: what it says and with which exit code, and that an install changes a registry in
two words and nothing else. Usage: cli_plugin.py CALLERAPI PLUGIN_DIR; the plugins that misbehave lie in
the folder `hostile` beside it."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

program, plugins = sys.argv[1], sys.argv[2]
hostile = os.path.join(os.path.dirname(plugins), "hostile")
faults = []


def run(*arguments, **environment):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=100, check=False,
                          env={"PATH": "/usr/bin:/bin", **environment})


def expect(what, ran, code, err="", out=""):
    lines = ran.stderr.strip().splitlines()
    good = ran.returncode == code and err in ran.stderr and re.search(out, ran.stdout, re.MULTILINE) \
        and len(lines) == (1 if err else 0)
    if not good:
        faults.append(f"{what}: expected exit {code}, '{err}', '{out}', saw {ran.returncode}, {ran.stderr!r}, {ran.stdout!r}")


def case(name):
    return os.path.join(hostile, name + ".capi.so")


def equal(what, seen, wanted):
    if seen != wanted:
        faults.append(f"{what}: expected {wanted!r}, saw {seen!r}")


seen_checks = {}


def verdict(name, check, wanted, text, code):
    """The verdict of one check."""
    if name not in seen_checks:
        seen_checks[name] = run("plugin", "check", case(name), "--json")
    ran = seen_checks[name]
    rows = [c for c in json.loads(ran.stdout)["checks"] if c["check"] == check and c["verdict"] == wanted]
    if ran.returncode != code or not any(re.search(text, row["text"]) for row in rows):
        faults.append(f"check {name} --json: {ran.returncode} {ran.stdout}")


def info():
    httpbin = os.path.join(plugins, "httpbin.capi.so")
    expect("info", run("plugin", "info", httpbin), 0, "", r"^build-id +[0-9a-f]{40}$(.|\n)*^post_json +POST")
    seen = json.loads(run("plugin", "info", httpbin, "--json").stdout)
    equal("info --json", [seen[k] for k in ("schema", "id", "version", "owner", "hooks")],
          ["callerapi.plugin.info/1", "httpbin", "1.0.0", "callerapi", []])
    equal("endpoints of info", len(seen["endpoints"]), 14)
    hooked = json.loads(run("plugin", "info", case("sound"), "--json").stdout)
    equal("hooks of info", hooked["hooks"], ["on_request", "sign", "on_response"])
    expect("info of a text", run("plugin", "info", __file__), 4, "is not a shared library")
    expect("info of nothing", run("plugin", "info", "/nowhere.capi.so"), 4, "/nowhere.capi.so: No such file or directory")
    # What can be read is shown although it kills whoever loads it.
    expect("info of a trap", run("plugin", "info", case("ctor_traps")), 4, "killed a child process by SIGSEGV",
           r"^id +hostile$")


def check():
    for name, rule, wanted, text, code in (
            ("sound", "reload", "passed", "100 times, unmapped each time", 0),
            ("sound", "hooks", "passed", "8 threads, [0-9]+ rounds of every hook", 0),
            ("sound", "twins", "passed", "two copies side by side", 0),
            ("two_exports", "file", "failed", "policy_extra_exports: exports 'second_export'", 1),
            ("two_exports", "reload", "skipped", "the file is refused", 1),
            ("ctor_traps", "load", "failed", "probe_crashed:SIGSEGV: loading it killed", 1),
            ("other_note", "load", "failed", "descriptor_note_mismatch: its note is of stranger", 1),
            ("create_leaks", "create", "failed", "[0-9]+ descriptors are open after 100 times", 1),
            ("hook_throws", "hooks", "failed", "on_request threw an exception across the border", 1),
            ("hook_slow", "budget", "failed", "takes 2[0-9]{2}.* ms at best, a hook 50 ms at most", 1),
            ("keeps_request", "borrowed", "failed", "killed its process by SIGSEGV; what a hook is lent may not", 1),
            ("believes_host", "refused", "failed", "killed its process by SIGSEGV; a host may refuse", 1),
            ("thread_local_dtor", "file", "warned", "thread_local object with a destructor", 1),
            ("thread_local_dtor", "reload", "failed", "stays mapped after it is unloaded", 1)):
        verdict(name, rule, wanted, text, code)
    table = run("plugin", "check", case("two_exports"))
    expect("the table of check", table, 1, "", r"^file +failed +policy_extra_exports: exports")
    equal("its columns line up", len({line.index(word) for line in table.stdout.splitlines()[:-1]
                                      for word in ("VERDICT", "failed", "skipped") if f" {word} " in line}), 1)
    expect("its last line", table, 1, "", r"two_exports.capi.so: 0 passed, 1 failed, 9 skipped, 0 warned$")
    expect("check of nothing", run("plugin", "check", "/nowhere"), 4, "/nowhere: No such file")
    equal("check without a file", run("plugin", "check").returncode, 2)


def configured(folder):
    """A plugin that is made with real values only."""
    os.makedirs(folder)
    file = os.path.join(folder, "sample.toml")

    def checked(*arguments, registry=None, **environment):
        more = ["--registry", registry] if registry else []
        return run(*more, "plugin", "check", case("wants_config"), *arguments, **environment)

    def sample(content):
        with open(file, "w", encoding="utf-8") as out:
            out.write(content)
        os.chmod(file, 0o600)
        return "--config", file

    expect("without values", checked(), 0, "",
           r"^create +skipped +create\(\) answered: config.url is no https URL; every key of its config was \"1\"; "
           r"give it real values with --config$")
    expect("with values", checked(*sample('url = "https://${ZONE}"\ntoken = "${file:token}"\ndepth = 3\n'), ZONE="eu"), 2,
           f"callerapi: {file}:2:9: token: ")
    with open(os.path.join(folder, "token"), "w", encoding="utf-8") as out:
        out.write("s3cret")
    os.chmod(os.path.join(folder, "token"), 0o600)
    expect("with all values", checked("--config", file, ZONE="eu"), 0, "", r"^create +passed(.|\n)*^hooks +passed(.|\n)* 0 skipped")
    expect("without the variable", checked("--config", file), 2, f"{file}:1:7: url: environment variable ZONE is not set")
    expect("with a single value", checked("--set", "url=https://x=y"), 0, "", r"^create +passed")
    expect("with a wrong one", checked("--config", file, "--set", "url=ftp://x", ZONE="eu"), 1, "",
           r"^create +failed +create\(\) answered: config.url is no https URL; it was made with the config that was given$"
           r"(.|\n)*^hooks +failed +create\(\) answered(.|\n)*^twins +failed +create\(\) answered")
    expect("without one", checked("--set", "user=x"), 1, "",
           r"^create +failed .*; it asked for 'token', 'url', which the config that was given lacks$")
    expect("a table", checked(*sample("[a]\nb = 1\n")), 2, f"{file}:1:1: a: expected a text, a whole number or a boolean, saw a table")
    expect("no file", checked("--config", "/nowhere.toml"), 2, "/nowhere.toml: No such file")
    expect("no pair", checked("--set", "token"), 2, "--set expects KEY=VALUE, such as token=abc")

    registry = os.path.join(folder, "registry.toml")
    plugin_dir = os.path.join(folder, "plugins")
    os.makedirs(plugin_dir)
    os.chmod(plugin_dir, 0o755)
    with open(registry, "w", encoding="utf-8") as out:
        out.write('schema = 1\n[services.hostile]\nplugin = "http"\nbase_url = "http://h"\n'
                  'config = { url = "${URL:-https://h}" }\n')
    expect("as a service has it", checked("--service", "hostile", registry=registry), 0, "", r"^create +passed")
    expect("as no service has it", checked("--service", "hostil", registry=registry), 2, "did you mean 'hostile'?")
    install_it = ("--registry", registry, "plugin", "install", case("wants_config"))
    expect("install what its service cannot make", run(*install_it, URL="ftp://h"), 4,
           "does not pass the check 'create': create() answered: config.url is no https URL")
    expect("install what it can", run(*install_it), 0, "", "services.hostile: hostile-")


REGISTRY = '''schema = 1   # a comment
[caller]
plugin_dir = "plugins"

[services.hostile]   # ours
  plugin    = 'sound'  # the words that change
base_url = "http://127.0.0.1:1"
[services]
inline = { base_url = "http://127.0.0.1:1", plugin = "sound" }
'''


def install(folder):
    registry, plugin_dir = os.path.join(folder, "registry.toml"), os.path.join(folder, "plugins")
    os.makedirs(plugin_dir)
    os.chmod(plugin_dir, 0o755)

    def text():
        with open(registry, encoding="utf-8") as file:
            return file.read()

    def write(content):
        with open(registry, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(registry, 0o640)

    def asked(*arguments, **environment):
        return run("--registry", registry, "plugin", *arguments, **environment)

    def refused(what, ran, code, said):
        before, files = text(), sorted(os.listdir(folder))
        expect(what, ran, code, said)
        equal(what + ": the registry", text(), before)
        equal(what + ": its folder", sorted(os.listdir(folder)), files)

    shutil.copy(case("sound"), plugin_dir)
    os.chmod(os.path.join(plugin_dir, "sound.capi.so"), 0o644)
    write(REGISTRY)
    expect("rollback before any install", asked("rollback", "hostile"), 3,
           "registry.toml: services.hostile: nothing to go back to: there is no .registry.toml.hostile.history")
    expect("install", asked("install", case("sound2")), 0, "", r"hostile-[0-9a-f]{16} \(1.1.0\), was sound \(1.0.0\)")
    sum2 = json.loads(asked("info", case("sound2"), "--json").stdout)["sha256"]
    name2 = "hostile-" + sum2[:16]
    installed = REGISTRY.replace("plugin    = 'sound'  # the words that change\n",
                                 f'plugin    = "{name2}"  # the words that change\n  sha256    = "{sum2}"\n')
    equal("the registry after an install", text(), installed)
    equal("its mode", os.stat(registry).st_mode & 0o777, 0o640)
    expect("services after an install", run("--registry", registry, "services"), 0, "", r"^hostile +hostile +1.1.0")
    expect("install again", asked("install", case("sound2")), 0, "", "already")
    expect("rollback", asked("rollback", "hostile"), 0, "", r"sound \(1.0.0\), was hostile-[0-9a-f]{16} \(1.1.0\)")
    equal("the registry after a rollback", text(), REGISTRY)
    expect("rollback to the version that was taken back", asked("rollback", "hostile", "--to", "1.1.0"), 0, "",
           r"\(1.1.0\), was sound")
    equal("the registry after two", text(), installed)
    expect("an inline service", asked("install", case("sound2"), "--service", "inline"), 0, "", "services.inline")
    equal("its line", text().splitlines()[-1],
          f'inline = {{ base_url = "http://127.0.0.1:1", plugin = "{name2}", sha256 = "{sum2}" }}')
    expect("back", asked("rollback", "inline"), 0, "", "services.inline")
    equal("the registry after both", text(), installed)

    refused("a break", asked("install", case("less")), 4, "version 1.2.0 breaks callers of the running 1.1.0")
    refused("one that fails a check", asked("install", case("hook_throws")), 4, "does not pass the check 'hooks'")
    refused("no such service", asked("install", case("sound"), "--service", "hostil"), 2,
            "registry.toml: no service 'hostil'; did you mean 'hostile'?")
    refused("an override", asked("install", case("sound"), CALLERAPI_SERVICES__HOSTILE__PLUGIN="x"), 3,
            "environment CALLERAPI_SERVICES__HOSTILE__PLUGIN: overrides what would be written")
    refused("an override by a contract", asked("install", case("sound"), CALLERAPI_SERVICES__HOSTILE__CONTRACT="caller"), 3,
            "environment CALLERAPI_SERVICES__HOSTILE__CONTRACT: overrides what would be written to registry.toml; unset it")
    write(installed.replace("[caller]\n", '[caller]\nenv_file = "env"\n'))
    for variable in (f"PLUGIN={name2}", f"SHA256={sum2}"):
        with open(os.path.join(folder, "env"), "w", encoding="utf-8") as file:
            file.write("CALLERAPI_SERVICES__HOSTILE__" + variable + "\n")
        for step in (("install", case("sound3")), ("rollback", "hostile")):
            refused(f"{step[0]} with {variable} of the env_file", asked(*step), 3,
                    "environment CALLERAPI_SERVICES__HOSTILE__" + variable.split("=")[0] + ": overrides what would be "
                    "written to registry.toml; take it out of the env_file that it names")
    write(installed)
    with open(os.path.join(plugin_dir, "sound.capi.so"), "ab") as file:
        file.write(b"x")
    refused("rollback to a changed file", asked("rollback", "hostile"), 4, "before the install it was")
    os.unlink(os.path.join(plugin_dir, "sound.capi.so"))
    refused("rollback to a lost file", asked("rollback", "hostile"), 4, "cannot go back:")
    expect("a lost file in the list", asked("list", "hostile"), 0, "", r"^sound +1.0.0 +- +- +.*No such file or directory")
    os.rename(plugin_dir, plugin_dir + ".away")
    refused("no plugin_dir", asked("install", case("sound")), 4, "is no folder; create it, or mend plugin_dir")
    expect("no registry", run("--registry", "/nowhere", "plugin", "install", case("sound")), 3, "/nowhere")


def history(folder):
    """Five steps back, whatever is killed or written by hand in between."""
    registry, plugin_dir = os.path.join(folder, "registry.toml"), os.path.join(folder, "plugins")
    os.makedirs(plugin_dir)
    os.chmod(plugin_dir, 0o755)
    shutil.copy(case("sound"), plugin_dir)
    os.chmod(os.path.join(plugin_dir, "sound.capi.so"), 0o644)

    def text():
        with open(registry, encoding="utf-8") as file:
            return file.read()

    def write(content):
        with open(registry, "w", encoding="utf-8") as file:
            file.write(content)

    def asked(*arguments):
        return run("--registry", registry, "plugin", *arguments)

    def build(number):
        """One more build of sound2: the same but for its digest."""
        path = os.path.join(folder, f"build{number}.capi.so")
        shutil.copy(case("sound2"), path)
        with open(path, "ab") as file:
            file.write(b"x" * number)
        return path

    def installed(number):
        expect(f"install {number}", asked("install", build(number)), 0, "", r"\(1.1.0\)")
        return text()

    def listed():
        steps = json.loads(asked("list", "hostile", "--json").stdout)["steps"]
        return [step["plugin"] for step in steps], [step["in_force"] for step in steps].index(True)

    write(REGISTRY)
    equal("the list before any install", listed(), (["sound"], 0))
    states = [REGISTRY] + [installed(number) for number in range(1, 8)]
    names, now = listed()
    equal("six states, the last in force", (len(names), now), (6, 0))
    for back in range(1, 6):
        expect(f"step {back}", asked("rollback", "hostile"), 0, "", "services.hostile")
        equal(f"the registry {back} steps back", text(), states[7 - back])
        equal(f"the list {back} steps back", listed(), (names, back))
    expect("a sixth step", asked("rollback", "hostile"), 3, "nothing older than hostile-")
    expect("to the latest", asked("rollback", "hostile", "--to", names[0]), 0, "", names[0])
    equal("the registry of the latest", text(), states[7])
    expect("to none", asked("rollback", "hostile", "--to", "9.9.9"), 3, "no step '9.9.9'; there are hostile-")

    # An install forgets what was taken back; words by hand are a state like any other.
    asked("rollback", "hostile")
    asked("rollback", "hostile")
    state = installed(8)
    equal("what follows a rollback", listed()[0][1:], names[2:])
    write(REGISTRY)
    equal("by hand", listed()[0][0], "sound")
    expect("rollback of a hand", asked("rollback", "hostile"), 0, "", "was sound")
    equal("the registry before the hand", text(), state)
    expect("back to the hand", asked("rollback", "hostile", "--to", "sound"), 0, "", "sound")

    # A pin that was spoilt by hand: the list says so, and the version names the sound step.
    asked("rollback", "hostile", "--to", listed()[0][1])
    before = text()
    pin = re.search(r'sha256 +=  *"(.)', before)
    write(before[:pin.start(1)] + ("1" if pin.group(1) == "0" else "0") + before[pin.end(1):])
    expect("a spoilt pin in the list", asked("list", "hostile"), 0, "", r"^hostile-[0-9a-f]+ .* yes .*, the registry pins ")
    expect("away from a spoilt pin", asked("rollback", "hostile", "--to", "1.1.0"), 0, "", "services.hostile")
    expect("services without it", run("--registry", registry, "services"), 0, "", r"^hostile +hostile +1.1.0")
    write(before)

    # Killed between the two files: the steps know of an install that the registry has not seen.
    installed(9)
    write(before)
    equal("what is in force after a crash", listed()[1], 1)
    expect("rollback after a crash", asked("rollback", "hostile"), 0, "", "services.hostile")
    killed(registry, asked, text, build)


def killed(registry, asked, text, build):
    """At any moment: the registry is the old one or the new one, and the steps can be read."""
    for tenth in range(10):
        old, path = text(), build(20 + tenth)
        victim = subprocess.Popen([program, "--registry", registry, "plugin", "install", path],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin"})
        try:
            victim.wait(timeout=0.15 * tenth)
        except subprocess.TimeoutExpired:
            victim.kill()
            victim.wait()
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        if text() != old and digest not in text():
            faults.append(f"killed after {tenth} tenths: {text()!r}")
        expect("list after a kill", asked("list", "hostile"), 0, "", r"^hostile-[0-9a-f]+ +1.1.0")
    expect("services after the kills", run("--registry", registry, "services"), 0, "", r"^hostile +hostile +1.1.0")
    expect("rollback after the kills", asked("rollback", "hostile"), 0, "", "services.hostile")


def new(folder):
    target = os.path.join(folder, "billing-eu")
    expect("new", run("plugin", "new", "billing-eu", "--dir", target), 0, "", "callerapi plugin check")
    equal("its files", sorted(os.listdir(target)), ["CMakeLists.txt", "billing_eu.cpp", "billing_eu.hpp",
                                                    "billing_eu_test.cpp", "plugins", "registry.toml"])
    expect("its registry", run("lint", os.path.join(target, "registry.toml")), 0, "", "sound")
    expect("new over it", run("plugin", "new", "billing-eu", "--dir", target), 2, "is not empty")
    for name, why in (("Billing", "expected a name such as billing"), ("a/../b", "expected a name"), ("a" * 64, "at most 63"),
                      ("class", "is a word of C++")):
        expect(f"new {name}", run("plugin", "new", name, "--dir", target), 2, why)


with tempfile.TemporaryDirectory() as work:
    info()
    check()
    configured(os.path.join(work, "configured"))
    install(os.path.join(work, "installed"))
    history(os.path.join(work, "history"))
    new(work)
for fault in faults:
    print(fault)
print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
