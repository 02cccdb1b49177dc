#!/usr/bin/env python3
"""What teams do with an installed CallerAPI, done: install a build tree, move the prefix, build the
projects of consumer/ against it with two compilers, run them.
Usage: run.py BUILD_TREE WORK_FOLDER [STEP...]; the steps are prefix, gcc, clang, asked, headers,
program, life_gcc, life_clang and guide, without any: all of them. Needs no network; WORK_FOLDER is emptied by `prefix`."""
import os
import re
import shutil
import subprocess
import sys
import time

import plugin_steps

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONSUMER = os.path.join(HERE, "consumer")
PLUGIN_LINES_MAX = 30
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
# A team has none of these; their headers are in /usr/include here, so a slip would not show.
FOREIGN = r"/(Poco|boost|toml\+\+|CLI|openssl)/"

build_tree, work = (os.path.abspath(path) for path in sys.argv[1:3])
prefix, sdk_only = os.path.join(work, "prefix"), os.path.join(work, "sdk_only")
# Nothing of this shell leaks in: no LD_LIBRARY_PATH, CXXFLAGS, CMAKE_PREFIX_PATH, CALLERAPI_*.
clean = {"PATH": "/usr/bin:/bin", "HOME": work, "LC_ALL": "C"}


def run(*command, fails=False, **more):
    """The output of a command that must succeed or, with `fails`, must not."""
    env = clean | more.pop("env", {})
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=120, **more)
    if (done.returncode != 0) != fails:
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def expect(held, what):
    if not held:
        raise SystemExit(what)


def step_prefix():
    """Installs twice, whole and the SDK alone, and moves both: nothing may remember a first place."""
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    for target, component in ((prefix, []), (sdk_only, ["--component", "sdk"])):
        run("cmake", "--install", build_tree, "--prefix", target + ".first", *component)
        os.rename(target + ".first", target)
        count = sum(len(files) for _, _, files in os.walk(target))
        print(f"installed {' '.join(component) or 'everything'}: {count} files, moved to {target}")


def build(source, folder, compiler, package):
    """Configures and builds a project of consumer/ in `folder`, with the package found in a prefix."""
    folder = os.path.join(work, folder)
    shutil.rmtree(folder, ignore_errors=True)
    begun = time.monotonic()
    absent = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("Poco", "Boost", "tomlplusplus", "OpenSSL")]
    run("cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={WARNINGS}",
        f"-DCMAKE_PREFIX_PATH={package}", *absent)
    run("cmake", "--build", folder, "-j", "2")
    used = set(re.findall(r"^ +(/.*)$", run("ninja", "-C", folder, "-t", "deps"), re.MULTILINE))
    check_headers(used, package)
    print(f"{compiler}: built {os.path.relpath(source, HERE)} in {time.monotonic() - begun:.1f} s")
    return folder


def check_headers(used, package):
    """Every header of ours came from the prefix, and nobody else's but the standard library's came."""
    ours = [path for path in used if path.startswith(os.path.join(package, "include/callerapi"))]
    expect(ours, f"no header of {package} was used")
    for path in used:
        inside = os.path.relpath(path, ROOT)
        expect(not inside.startswith(("framework/", "plugins/")), f"{path}: not from the installed package")
        expect(not re.search(FOREIGN, path), f"{path}: a consumer would have to have this installed")


def check_plugin(folder):
    """One symbol out, and no library in but those of the language."""
    file = os.path.join(folder, "plugins", "parcels.capi.so")
    exported = [line.split()[1:] for line in run("nm", "-D", "--defined-only", file).splitlines()]
    expect([name for _, name in exported] == ["callerapi_plugin_v0"], f"{file} exports {exported}")
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", file))
    strange = [name for name in needed if not re.match(r"(libstdc\+\+|libgcc_s|libm|libc)\.so|ld-linux", name)]
    expect(not strange, f"{file} needs {strange}")
    print(f"parcels.capi.so: {os.path.getsize(file)} bytes, exports callerapi_plugin_v0 and nothing else")


def step_gcc():
    """A plugin of at most 30 lines and a caller, and the caller's own tests."""
    sources = [os.path.join(CONSUMER, "parcels", name) for name in ("parcels.hpp", "parcels.cpp")]
    lines = sum(len(open(source, encoding="utf-8").readlines()) for source in sources)
    expect(lines <= PLUGIN_LINES_MAX, f"the plugin has {lines} lines, at most {PLUGIN_LINES_MAX}")
    folder = build(CONSUMER, "gcc", "g++", prefix)
    check_plugin(folder)
    tests = run("ctest", "--test-dir", folder, "--verbose", "--no-tests=error")
    print("\n".join(re.findall(r"^(?:\d+: )?((?:sent|cancelled) .*|\d+% tests.*)$", tests, re.MULTILINE)))
    print(f"a plugin of {lines} lines")


def step_clang():
    """clang's plugin, made where only the SDK is, in the program and library of g++."""
    folder = build(os.path.join(CONSUMER, "parcels"), "clang", "clang++-14", sdk_only)
    check_plugin(folder)
    gcc = os.path.join(work, "gcc")
    print(run("python3", os.path.join(CONSUMER, "ship/tests/parcels_service.py"), os.path.join(gcc, "ship/ship"),
              os.path.join(gcc, "registry.toml"), env={"PARCELS_PLUGIN_DIR": os.path.join(folder, "plugins")}), end="")


def step_asked():
    """What is asked for and not there is named; where the shipped plugins lie is said only if they do."""
    for package, version, components, answer in (
            (prefix, "0.1", "sdk;hots", "no component 'hots'; CallerAPI has sdk and callerapi"),
            (sdk_only, "0.1", "callerapi", f"component 'callerapi' is not installed in {sdk_only}; run cmake --install"),
            (prefix, "0.2", "sdk", 'compatible with requested version "0.2"'),
            (prefix, "0.1", "callerapi", f"found, with the shipped plugins in '{os.path.dirname(find('http.capi.so'))}'"),
            (sdk_only, "0.1", "sdk", "found, with the shipped plugins in ''")):
        said = run("cmake", "-S", os.path.join(HERE, "asked"), "-B", os.path.join(work, "asked"), "--fresh",
                   f"-DCMAKE_PREFIX_PATH={package}", f"-DVERSION={version}", f"-DCOMPONENTS={components}", fails=True)
        expect(answer in re.sub(r"\s+", " ", said), f"{version} {components}: expected '{answer}' in\n{said}")
        print(f"find_package(CallerAPI {version} COMPONENTS {components}): {answer}")


def public_headers(*roots):
    return {os.path.relpath(os.path.join(folder, name), root)
            for root in roots for folder, _, names in os.walk(root) for name in names}


def step_headers():
    """All headers are there, both compilers take them without a warning, and pkg-config finds them."""
    include = os.path.join(prefix, "include")
    installed = public_headers(include)
    missing = public_headers(os.path.join(ROOT, "framework/include")) - installed
    expect(not missing, f"not installed: {sorted(missing)}")
    everything = os.path.join(work, "everything.cpp")
    with open(everything, "w", encoding="utf-8") as file:
        file.writelines(f"#include <{name}>\n" for name in sorted(installed) if not name.endswith(".inc"))
        file.write('int main() { return callerapi::Caller::lint("/dev/null").empty() ? 1 : 0; }\n')
    libdir = os.path.dirname(os.path.dirname(os.path.dirname(find("CallerAPIConfig.cmake"))))
    flags = run("pkg-config", "--cflags", "--libs", "callerapi",
                env={"PKG_CONFIG_PATH": os.path.join(libdir, "pkgconfig")}).split()
    expect("-I" + include in [os.path.normpath(flag) for flag in flags], f"callerapi.pc gives {flags}")
    listed = os.path.join(work, "everything.d")
    for compiler in ("g++", "clang++-14"):
        program = os.path.join(work, "everything")
        run(compiler, "-std=c++20", *WARNINGS.split(), "-MD", "-MF", listed, everything, "-o", program, *flags)
        run(program, env={"LD_LIBRARY_PATH": libdir})
        with open(listed, encoding="utf-8") as file:
            check_headers({os.path.normpath(path) for path in re.findall(r"(/\S+)", file.read())}, prefix)
        print(f"{compiler}: {len(installed)} headers at once, through pkg-config, without a warning")


def find(name):
    for folder, _, names in os.walk(prefix):
        if name in names:
            return os.path.join(folder, name)
    raise SystemExit(f"{name} is nowhere under {prefix}")


def step_program():
    """The program runs from its prefix: the shipped plugins load, the demo finds all it needs."""
    program, plugins = find("callerapi"), os.path.dirname(find("http.capi.so"))
    for file in (program, find("callerapi-storage"), find("libcallerapi.so"), find("http.capi.so")):
        paths = re.findall(r"R(?:UN)?PATH.*\[(.*)\]", run("readelf", "-d", file))
        expect(all(path.startswith("$ORIGIN/") for path in paths), f"{file} looks for libraries in {paths}")
    registry = os.path.join(work, "shipped.toml")
    names = sorted(name.split(".")[0] for name in os.listdir(plugins))
    with open(registry, "w", encoding="utf-8") as file:
        file.write(f'schema = 1\n[caller]\nplugin_dir = "{plugins}"\n')
        file.writelines(f'[services.{name}]\nplugin = "{name}"\nbase_url = "http://127.0.0.1:1"\n' for name in names)
        # The two that sign are of no use without their keys, and say so.
        file.write('[services.aws_sigv4.config]\naccess_key_id = "a"\nsecret_access_key = "b"\n'
                   'region = "c"\nservice = "d"\n[services.hmac.config]\nkey_id = "a"\nsecret = "b"\n')
    services = run(program, "--registry", registry, "services")
    expect(all(re.search(f"^{name} ", services, re.MULTILINE) for name in names), services)
    print(f"{run(program, '--version').strip()} loads {', '.join(names)}")
    documents = os.path.join(work, "documents")
    os.makedirs(documents, exist_ok=True)
    shutil.copy(os.path.join(ROOT, "LICENSE"), documents)
    said = run(program, "demo", documents, cwd=work)
    expect("ok: every document is stored exactly once" in said, said)
    print(said.strip().splitlines()[-1])


def life_of_a_plugin(compiler):
    folder = plugin_steps.life(run, expect, find("callerapi"), prefix, work, compiler, WARNINGS)
    plugin_steps.contract(run, expect, folder, prefix, compiler, work)
    print(f"{compiler}: new, built, tested, checked, installed, called, upgraded, rolled back, contract found")


def step_life_gcc():
    """From `plugin new` to `plugin rollback`, by g++."""
    life_of_a_plugin("g++")


def step_life_clang():
    """The same by clang++."""
    life_of_a_plugin("clang++-14")


def step_guide():
    """The code of docs/guide/install.md is the code that was built here."""
    with open(os.path.join(ROOT, "docs/guide/install.md"), encoding="utf-8") as file:
        shown = re.findall(r"^```\w+\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    expect(shown, "the guide shows no code")
    real = ""
    for folder, _, names in os.walk(CONSUMER):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                real += file.read()
    for block in shown:
        expect(block in real, f"not in {CONSUMER}, but in the guide:\n{block}")
    print(f"{len(shown)} pieces of code in the guide, all of them in consumer/")


def main():
    for name in sys.argv[3:] or ["prefix", "gcc", "clang", "asked", "headers", "program", "life_gcc",
                                 "life_clang", "guide"]:
        begun = time.monotonic()
        globals()["step_" + name]()
        print(f"== {name}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
