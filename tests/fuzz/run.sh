#!/usr/bin/env bash
# What ./dev fuzz runs: every built target for so many seconds, two at a time, beginning with its
# seeds and with what earlier runs kept. A random seed above 0 is what a gate needs: it begins with the
# seeds alone and ends after so many inputs, so that a faster machine does not look further than the
# last. Seed 0 is a new one each time. Prints a line for each; 1 when any found something.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
random_seed=${2:-0}
case $seconds in '' | *[!0-9]* | 0) echo "fuzz: '$seconds' is no number of seconds" >&2; exit 2 ;; esac
case $random_seed in '' | *[!0-9]*) echo "fuzz: '$random_seed' is no random seed" >&2; exit 2 ;; esac
gate_inputs=100000
bin=build/fuzz/bin
out=build/fuzz/fuzzing

fuzz_one() {
    local name=$1 here=$out/$1 status=0 inputs=-1
    if [ "$random_seed" -gt 0 ]; then
        inputs=$gate_inputs
        rm -rf "$here/corpus"
    fi
    mkdir -p "$here/corpus" "$here/findings"
    : >"$here/begun"
    ASAN_OPTIONS=detect_stack_use_after_return=1 "$bin/fuzz_$name" -max_total_time="$seconds" -seed="$random_seed" -runs="$inputs" \
        -max_len=4096 -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$here/findings/" "$here/corpus" "tests/fuzz/seeds/$name" \
        >"$here/log" 2>&1 || status=$?
    echo $status >"$here/status"
}

report() {
    local name=$1 here=$out/$1 executed rate covered found
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$here/log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$here/log")
    covered=$(grep -oE 'cov: [0-9]+' "$here/log" | tail -1 | cut -c6-)
    found=$(find "$here/findings" -type f -newer "$here/begun" | sort)
    printf '%-18s %12s %9s %9s %9s\n' "$name" "${executed:-0}" "${rate:-0}" "${covered:-0}" \
        "$(printf '%s' "$found" | grep -c .)"
    [ "$(cat "$here/status")" -eq 0 ] && return 0
    grep -aE '^(broken rule|readers disagree|ours|oracle|SUMMARY)|runtime error' "$here/log" | sed 's/^/    /'
    [ -n "$found" ] || tail -5 "$here/log"
    # In full, for whoever has only this output.
    for input in $found; do
        printf '    input: %s\n    base64: %s\n' "$input" "$(base64 -w 0 "$input")"
    done
    return 1
}

names=()
for program in "$bin"/fuzz_*; do
    name=${program##*/fuzz_}
    # A target that was taken out of the tree may still lie in an old build folder.
    [ -f "tests/fuzz/$name.cpp" ] && names+=("$name")
done
running=0
for name in "${names[@]}"; do
    if [ $running -ge 2 ]; then
        wait -n
        running=$((running - 1))
    fi
    fuzz_one "$name" &
    running=$((running + 1))
done
wait

failed=0
printf '%-18s %12s %9s %9s %9s\n' target executions exec/s coverage findings
for name in "${names[@]}"; do
    report "$name" || failed=1
done
exit $failed
