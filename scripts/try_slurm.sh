#!/usr/bin/env bash
# Runs an experiment in eight shards on a real Slurm, kills one shard in its middle, and holds the
# results to one machine's.
#
#     scripts/one_node_slurm.sh start /tmp/one-slurm; export SLURM_CONF=/tmp/one-slurm/slurm.conf
#     scripts/try_slurm.sh PROGRAM EXPERIMENT DIR [OPTIONS OF run]
#
# DIR is a new folder for both runs. Prints what each job did, the seconds of each way, and whether
# the bytes of all CSV tables, and of the values of distances.parquet, are the same.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$(realpath "$1") experiment=$(realpath "$2") place=$(realpath -m "$3")
shift 3
[ ! -e "$place" ] || { echo "$place is there already; name a new folder" >&2; exit 2; }
mkdir -p "$place"

begun=$SECONDS
"$program" run "$experiment" --out "$place/alone" --cache "$place/cache of one" "$@" 2> "$place/alone.log"
echo "one machine: $((SECONDS - begun)) s"

begun=$SECONDS
"$program" slurm "$experiment" --shards 8 --out "$place/shards" --cache "$place/cache" --at-most 2 --submit -- "$@" \
    | tee "$place/jobs.txt"
array=$(sed -n 's/^job \([0-9]*\): 8 shards.*/\1/p' "$place/jobs.txt")
assemble=$(sed -n 's/^job \([0-9]*\): assembles.*/\1/p' "$place/jobs.txt")

# A shard at work is killed: one that has begun to leave something in the cache.
killed=
for _ in $(seq 3000); do
    for process in $(pgrep -f -- "--cache $place/cache .*--shard [0-9]/8" || true); do
        age=$(ps -o etimes= -p "$process" 2> /dev/null | tr -d ' ' || true)
        is_program=$(readlink "/proc/$process/exe" 2> /dev/null || true)
        if [ "$is_program" = "$program" ] && [ "${age:-0}" -ge "${KILL_AFTER_S:-5}" ]; then
            killed=$(tr '\0' ' ' < "/proc/$process/cmdline" | sed 's/.*--shard //')
            kill -KILL "$process"
            break 2
        fi
    done
    sleep 0.1
done
echo "killed: shard ${killed:-none}"

state() { scontrol show job "$1" 2> /dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | sort | uniq -c | tr '\n' ' '; }
until scontrol show job "$assemble" | grep -qE 'JobState=(COMPLETED|FAILED|CANCELLED)'; do
    # One that was put back waits two minutes by itself.
    for task in $(squeue --noheader --array --states=PENDING --format=%i_%r | grep BeginTime | sed 's/_BeginTime//'); do
        scontrol update "jobid=$task" starttime=now
    done
    sleep 1
done
echo "by Slurm: $((SECONDS - begun)) s; shards: $(state "$array")assembling: $(state "$assemble")"
grep -H "back into the queue" "$place"/shards-slurm/*.log || true
grep -h "is in the cache after" "$place"/shards-slurm/shard-*.log | sed 's/; once all.*//' | sort -V

for table in scores.csv findings.csv comparisons.csv ceilings.csv energy.csv; do
    cmp "$place/alone/$table" "$place/shards/$table" && echo "$table: the same bytes"
done
cmp "$place/alone/distances.parquet" "$place/shards/distances.parquet" && echo "distances.parquet: the same bytes"
