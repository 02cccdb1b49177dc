#!/usr/bin/env bash
# What ./dev check runs: format, floors and lengths over the whole tree, clang-tidy over what
# changed since the base commit (CALLERAPI_BASE, else the first parent of HEAD), and the clang build
# with its thread-safety analysis.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=0
step() { printf '== %s\n' "$1" >&2; }

step "format"
git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp' '*.h' |
    xargs -r clang-format-14 --dry-run -Werror || failed=1

step "floors and lengths"
python3 framework/cmake/check_floors.py || failed=1

step "clang build with thread-safety analysis"
./dev build fuzz >&2 || failed=1

step "clang-tidy"
base=${CALLERAPI_BASE:-$(git rev-parse --quiet --verify HEAD~1 || git hash-object -t tree /dev/null)}
changed=$({ git diff --name-only --diff-filter=d "$base" -- '*.cpp'; git ls-files --others --exclude-standard '*.cpp'; } | sort -u)
if [ -n "$changed" ]; then
    known=$(python3 -c 'import json,os;print("\n".join(os.path.relpath(e["file"]) for e in json.load(open("build/fuzz/compile_commands.json"))))' | sort -u)
    comm -12 <(echo "$changed") <(echo "$known") | { grep -E '^(framework|plugins)/' || true; } |
        xargs -r -P 2 -n 4 clang-tidy-14 --quiet -p build/fuzz 2>/dev/null || failed=1
fi

[ $failed -eq 0 ] && echo "check: clean" || echo "check: found something, see above"
exit $failed
