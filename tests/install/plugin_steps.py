"""What a team does from its first command to a rollback, with the installed package and no other:
`plugin new`, build, test, `plugin check`, `plugin install`, a call, a new version, `plugin rollback`."""
import http.server
import json
import os
import shutil
import threading


class Service(http.server.BaseHTTPRequestHandler):
    """Answers with the Authorization it was shown."""

    def do_GET(self):  # pylint: disable=invalid-name
        body = json.dumps({"id": self.headers["Authorization"], "count": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


def build(run, folder, compiler, package, warnings):
    run("cmake", "-S", folder, "-B", folder + "/build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={warnings}", f"-DCMAKE_PREFIX_PATH={package}")
    run("cmake", "--build", folder + "/build", "-j", "2")
    return folder + "/build/plugins/billing-eu.capi.so"


def life(run, expect, program, prefix, work, compiler, warnings):
    """Each step as the guide shows it; answers what was seen."""
    folder = os.path.join(work, "new-" + compiler)
    shutil.rmtree(folder, ignore_errors=True)
    run(program, "plugin", "new", "billing-eu", "--dir", folder)
    plugin = build(run, folder, compiler, prefix, warnings)
    run("ctest", "--test-dir", folder + "/build", "--no-tests=error")
    checked = run(program, "plugin", "check", plugin)
    expect("10 passed, 0 failed, 0 skipped, 0 warned" in checked, checked)

    registry = os.path.join(folder, "registry.toml")
    with open(registry, encoding="utf-8") as file:
        before = file.read()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {"BILLING_EU_URL": f"http://127.0.0.1:{server.server_port}", "BILLING_EU_TOKEN": "t0ken"}

    def ask(*arguments, **more):
        return run(program, "--registry", registry, *arguments, env=env, **more)

    try:
        installed = ask("plugin", "install", plugin)
        expect("(0.1.0), was billing-eu" in installed, installed)
        answer = ask("call", "billing-eu", "get", "--param", "id=1")
        expect(json.loads(answer) == {"id": "Bearer t0ken", "count": 1}, answer)
        header = os.path.join(folder, "billing_eu.hpp")
        with open(header, encoding="utf-8") as file:
            text = file.read()
        with open(header, "w", encoding="utf-8") as file:
            file.write(text.replace('"0.1.0"', '"0.1.1"').replace("Bearer ", "Basic "))
        run("cmake", "--build", folder + "/build", "--target", "billing-eu_plugin")
        ask("plugin", "install", plugin)
        answer = ask("call", "billing-eu", "get", "--param", "id=1")
        expect("Basic t0ken" in answer, answer)
        back = ask("plugin", "rollback", "billing-eu")
        expect("(0.1.0), was" in back, back)
        answer = ask("call", "billing-eu", "get", "--param", "id=1")
        expect("Bearer t0ken" in answer, answer)
        with open(registry, encoding="utf-8") as file:
            after = [line for line in file if not line.startswith(("plugin ", "sha256 "))]
        expect(after == [line for line in before.splitlines(True) if not line.startswith("plugin ")], "".join(after))
    finally:
        server.shutdown()
    return folder


def contract(run, expect, folder, prefix, compiler, work):
    """A caller elsewhere finds the contract by its package."""
    target = os.path.join(work, "contract-" + compiler)
    shutil.rmtree(target, ignore_errors=True)
    run("cmake", "--install", folder + "/build", "--prefix", target)
    expect(os.path.exists(target + "/include/callerapi-plugins/billing-eu/billing_eu.hpp"), "no contract")
    caller = os.path.join(work, "caller-" + compiler)
    os.makedirs(caller, exist_ok=True)
    with open(caller + "/CMakeLists.txt", "w", encoding="utf-8") as file:
        file.write("cmake_minimum_required(VERSION 3.25)\nproject(caller LANGUAGES CXX)\n"
                   "find_package(callerapi-billing-eu REQUIRED)\nadd_executable(caller main.cpp)\n"
                   "target_link_libraries(caller PRIVATE callerapi-billing-eu::contract)\n")
    with open(caller + "/main.cpp", "w", encoding="utf-8") as file:
        file.write("#include <callerapi-plugins/billing-eu/billing_eu.hpp>\n"
                   "int main() { return billing_eu::BillingEu::version.empty() ? 1 : 0; }\n")
    run("cmake", "-S", caller, "-B", caller + "/build", "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}",
        f"-DCMAKE_PREFIX_PATH={prefix};{target}")
    run("cmake", "--build", caller + "/build")
    run(caller + "/build/caller")
