#!/usr/bin/env bash
# Checks against programs from PyPI: transformers, safetensors, huggingface_hub, xxhash, sacrebleu, moocore, scipy,
# GPyTorch, BoTorch, scikit-learn, optuna. Needs the package registry; tests/run.sh does not, and reads the golden files
# that these references made. Last line "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit
passed=0 failed=0
dir=$(mktemp -d)
pids=()
end() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
    wait
    rm -rf "$dir"
}
trap end EXIT

check() { # check NAME COMMAND…
    local name=$1
    shift
    if "$@" >"$dir/log" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '%s\n' "-- $name"
    grep -v Warning "$dir/log" | tail -n 6
}

deploy/packages.sh lab || exit 1
lab/setup.sh >"$dir/setup.log" 2>&1 || { tail "$dir/setup.log"; exit 1; }
{ cmake --preset release && cmake --build --preset release; } >"$dir/build.log" 2>&1 ||
    { tail "$dir/build.log"; exit 1; }
python=$PWD/lab/.venv/bin/python bin=$PWD/build/release

# one real trial through the real programs, exported
export PARETOD_DAEMON=unix:$dir/sock
"$bin/daemon/paretod" --db "$dir/db" --listen "unix:$dir/sock" 2>"$dir/daemon.log" &
pids+=($!)
"$bin/worker/pareto-worker" --scratch "$dir/scratch" 2>"$dir/worker.log" &
pids+=($!)
jq --arg fixtures "$PWD/tests/fixtures" '
    .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/tuned-rsf")} |
    .evaluator.bundle = $fixtures + "/bundle" | .objectives = [{metric: "choice.acc", goal: "max"}] | .held_out = false |
    .strategy = {type: "sobol", sweep_points: 2} | .budget.trials = 3' deploy/quickstart.json >"$dir/search.json"
for _ in $(seq 100); do
    "$bin/client/paretoctl" searches >/dev/null 2>&1 && break
    sleep 0.1
done
export_trial() {
    "$bin/client/paretoctl" submit "$dir/search.json" --watch &&
        "$bin/client/paretoctl" export 1 2 --out "$dir/exported" &&
        curl -sf --unix-socket "$dir/sock" http://localhost/v1/searches/1/trials/2 >"$dir/trial.json"
}
check "search and export a trial" export_trial
check "transformers gives the exported trial's native logits" \
    "$python" tests/interop/export_agrees.py "$bin" "$dir/search.json" "$dir/trial.json" "$dir/exported"

# golden files are what their scripts make today
regenerate() { # regenerate FILE COMMAND…   the command writes the file anew; the tree must not change
    local file=$1
    shift
    "$@" && git diff --stat --exit-code -- "$file"
}
check "golden metrics (sacrebleu)" regenerate tests/golden/lab/metrics.json "$python" lab/golden_metrics.py
check "golden answers and verdicts (transformers)" "$python" tests/golden/worker/rtuning/make_rtuning.py --check
check "golden answers and scores of the R-Tuned pair (transformers, scikit-learn)" \
    "$python" tests/golden/rtuning_pair/make_pair.py --check
check "R-Tuning, from questions to scores (transformers)" \
    env PARETOD_BUILD="$bin" "$python" -m pytest -q -p no:cacheprovider tests/interop/test_rtuning_way.py
check "the resident evaluator scores as the native one (transformers)" \
    "$python" tests/interop/resident_agrees.py "$bin" "$python"
check "golden averages (torch)" regenerate tests/golden/merge/lerp.safetensors "$python" tests/golden/merge/make_lerp.py
same_output() { # same_output FILE COMMAND…   the command prints what FILE holds
    local file=$1
    shift
    "$@" >"$dir/again" && cmp "$dir/again" "$file"
}

# merge/: what a second implementation and other people's programs make of the same input
merge=build/interop-merge golden=tests/golden/merge
export PYTHONDONTWRITEBYTECODE=1
[ -x $merge/bin/python ] || /usr/bin/python3 -m venv --system-site-packages $merge
check "packages of the merge's references" $merge/bin/pip install -q -r $golden/requirements.txt
check "golden hashes (xxhash)" same_output $golden/hash.json $merge/bin/python $golden/make_hash.py
check "golden file of every dtype (safetensors)" \
    regenerate $golden/reference.safetensors $merge/bin/python $golden/make_reference.py
check "golden shards (huggingface_hub)" same_output $golden/shards.json $merge/bin/python $golden/make_shards.py
check "golden merged tensors, both roundings (numpy, torch, torch.lerp)" \
    same_output $golden/merged.json $merge/bin/python $golden/make_merged.py
check "exports of the shipped pair (numpy, safetensors, huggingface_hub, xxhash)" $merge/bin/python $golden/check_export.py
check "2000 random files come back as safetensors wrote them" \
    $merge/bin/python tests/interop/safetensors_agree.py "$bin/tests/safetensors_copy"

venv=build/interop
[ -x $venv/bin/python ] || /usr/bin/python3 -m venv $venv
check "packages of the optimizer's references" $venv/bin/pip install -q -r tests/golden/optimizer/requirements.txt
check "golden hypervolumes (moocore)" same_output tests/golden/optimizer/hypervolume.json \
    $venv/bin/python tests/golden/optimizer/make_hypervolume.py
check "golden Sobol points (SciPy)" same_output tests/golden/optimizer/sobol.json \
    $venv/bin/python tests/golden/optimizer/make_sobol.py
check "golden Gaussian processes (GPyTorch)" same_output tests/golden/optimizer/gp.json \
    $venv/bin/python tests/golden/optimizer/make_gp.py
check "golden expected improvements of hypervolume (BoTorch)" same_output tests/golden/optimizer/ehvi.json \
    $venv/bin/python tests/golden/optimizer/make_ehvi.py
check "golden tails of the normal (mpmath)" same_output tests/golden/optimizer/tail.json \
    $venv/bin/python tests/golden/optimizer/make_tail.py

venv=build/interop-rtuning
[ -x $venv/bin/python ] || /usr/bin/python3 -m venv $venv
check "packages of rtuning's references" $venv/bin/pip install -q -r tests/golden/rtuning/requirements.txt
check "golden scores of honesty (scikit-learn)" same_output tests/golden/rtuning/honesty.json \
    $venv/bin/python tests/golden/rtuning/make_honesty.py

venv=build/interop-client
[ -x $venv/bin/python ] || /usr/bin/python3 -m venv $venv
check "packages of the client's references" $venv/bin/pip install -q -r tests/golden/client/requirements.txt
mkdir "$dir/optuna"
import_optuna() { # a study that Optuna writes today is read as the golden one was
    $venv/bin/python tests/golden/client/make_optuna.py "$dir/optuna" &&
        cmp "$dir/optuna/optuna.json" tests/golden/client/optuna.json &&
        PYTHONPATH=client/python /usr/bin/python3 -m paretod import-optuna "$dir/optuna/optuna.db" --study merge \
            --ratios x0,x1,x2 --objectives reward:max,tasks:min >"$dir/given.json" &&
        jq --exit-status --slurpfile given "$dir/given.json" '.merge == $given[0]' "$dir/optuna/optuna.json"
}
check "studies of Optuna (optuna)" import_optuna

check "packages of mergekit" bench/mergekit.sh
check "mergekit gives our exports, and we its merges" \
    build/mergekit/bin/python tests/interop/mergekit_agrees.py "$bin" tests/fixtures/base tests/fixtures/tuned-rsf

echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
