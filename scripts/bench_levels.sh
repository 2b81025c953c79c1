#!/usr/bin/env bash
# The times of each kernel by each set of instructions that this processor has, one after the other.
#
#   scripts/bench_levels.sh [NAME]
#
# NAME selects kernels, as after `cargo bench --bench kernels --`.
set -euo pipefail
cd "$(dirname "$0")/../crates/alignscope-kernel"
cargo bench --bench kernels --no-run
for level in portable avx2 avx512 amx; do
    echo "== $level"
    ALIGNSCOPE_INSTRUCTIONS=$level cargo bench -q --bench kernels -- "${1:-}" ||
        echo "nothing by $level: see above whether this processor has it"
done
