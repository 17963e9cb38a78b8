#!/usr/bin/env bash
# The rooms may only include what docs/ARCHITECTURE.md allows. Prints each breach; exit status 1 when there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A may=(
    [proto]="proto"
    [rtuning]="proto rtuning"
    [merge]="proto merge"
    [wire]="proto wire"
    [optimizer]="optimizer"
    [store]="store"
    [daemon]="proto merge optimizer store daemon"
    [worker]="proto rtuning merge wire worker"
    [client]="proto rtuning merge wire client"
)
# These two know nothing of the protocol: only the ground floor's errors, memory and chance.
ground="proto/err.h proto/mem.h proto/rng.h"

breaches=0
breach() {
    echo "layer breach: $1"
    breaches=1
}

for room in "${!may[@]}"; do
    while IFS=: read -r file _ line; do
        header=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$line")
        target=${header%%/*}
        case " ${may[$room]} " in *" $target "*) continue ;; esac
        case "$room:$ground " in optimizer:*"$header "* | store:*"$header "*) continue ;; esac
        breach "$file includes $header"
    done < <(grep -rnE '^#include "' --include='*.[ch]' "$room" || true)
done

# One door a library: header pattern -> the files that may include it.
door() {
    local pattern=$1 allowed=$2
    while IFS=: read -r file _; do
        [[ $file =~ ^($allowed)$ ]] || breach "$file includes $pattern"
    done < <(grep -rlE "^#include <$pattern" --include='*.[ch]' proto rtuning merge wire optimizer store daemon worker client || true)
}
door 'cjson/' 'proto/json\.c'
door 'sqlite3\.h' 'store/.*'
door 'nlopt\.h' 'optimizer/nlopt_[a-z]+\.c'
door '(cblas|lapacke|openblas_config)\.h' 'optimizer/gp/linalg\.c'
door 'uv\.h' 'daemon/[a-z_]+\.[ch]'
door 'microhttpd\.h' 'daemon/http[a-z_]*\.[ch]'
door 'curl/' 'wire/[a-z_]+\.c'
door 'xxhash\.h' 'merge/files/hash\.c'
door 'pcre2\.h' 'merge/plan/pattern\.c'
door 'yaml\.h' 'merge/recipe/yaml\.c'

exit $breaches
