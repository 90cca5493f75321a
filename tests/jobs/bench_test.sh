#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   bench_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# The bench command from end to end: what it writes and how it exits, never how long it takes. A case
# is one of the functions case_* below; MPIEXEC is the launcher up to where the number of ranks goes.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"
model=$source/tests/data/models/qwen3_moe

fields() { /usr/bin/python3 "$here/bench_fields.py" "$@" || fail "bench_fields.py $*"; }

shape=(--threads 1 --input-len 8 --output-len 5)
latency=("$talus" bench latency "${shape[@]}")
four=("${latency[@]}" --model "$model" --batch-size 4 --num-iters-warmup 1 --num-iters 3)
throughput=("$talus" bench throughput "${shape[@]}" --model "$model" --num-prompts 12)

case_latency() {
  expect 0 "Avg latency: " "${four[@]}" --output-json one.json
  grep -q "99% percentile latency: .* seconds" log || fail "a percentile is missing"
  fields latency one.json 3
  # Two ranks, of which one writes.
  expect 0 "Avg latency: " "${launcher[@]}" 2 "${four[@]}" -tp 2 --output-json two.json
  [ "$(grep -c "Avg latency" log)" -eq 1 ] || fail "more than one rank tells its results"
  fields latency two.json 3
}

case_throughput() {
  expect 0 "total tokens/s" "${throughput[@]}" --output-json one.json
  grep -q "Total num prompt tokens:  96" log || fail "prompt tokens"
  grep -q "Total num output tokens:  60" log || fail "output tokens"
  fields throughput one.json 12 156
  expect 0 "requests/s" "${launcher[@]}" 2 "${throughput[@]}" -dp 2 --n 2 --prefix-len 3 \
    --random-range-ratio 0.5 --output-json two.json
  fields throughput two.json 12
}

# A config is enough: no weights, no tokenizer.
case_dummy() {
  mkdir bare
  cp "$model/config.json" bare
  local bare=(--model bare --load-format dummy)
  expect 0 "Avg latency: " "${latency[@]}" "${bare[@]}" --num-iters 3 --output-json one.json
  fields latency one.json 3
  expect 2 "safetensors" "${latency[@]}" --model bare
  expect 0 "decode" "${latency[@]}" "${bare[@]}" --num-iters 1 --dummy-prefill --output-json two.json
  grep -q "\"prefill\": null" two.json || fail "times of prompts that were not computed"
  expect 0 "dp 2" "${launcher[@]}" 2 "$talus" verify "${bare[@]}" --threads 1 --num-requests 3 \
    --longest-prompt 12 --max-tokens 4
  ! grep -q DIFFERS log || fail "bits differ"
}

case_refused() {
  local one=("${latency[@]}" --model "$model")
  expect 2 "subcommand" "$talus" bench
  expect 2 "--model: missing" "$talus" bench latency
  expect 2 "--input-len: missing" "$talus" bench throughput --model "$model" --output-len 3
  expect 2 "--frobnicate" "${one[@]}" --frobnicate
  expect 2 "--num-iters: 0" "${one[@]}" --num-iters 0
  expect 2 "--num-iters-warmup: -1" "${one[@]}" --num-iters-warmup -1
  expect 2 "--batch-size: 0" "${one[@]}" --batch-size 0
  expect 2 "--dataset-name: sharegpt (allowed: random)" "${throughput[@]}" --dataset-name sharegpt
  expect 2 "--load-format: gguf (allowed: " "${one[@]}" --load-format gguf
  expect 2 "--max-model-len" "${one[@]}" --max-model-len 8
  expect 2 "--output-json: absent/a.json" "${launcher[@]}" 2 "${one[@]}" -tp 2 \
    --output-json absent/a.json
  expect 0 "--num-iters-warmup" "$talus" bench latency --help
  expect 0 "--random-range-ratio" "$talus" bench throughput --help
}

# The script that runs Talus and others in turns, with another that is ours.
case_compare() {
  local compare=(/usr/bin/python3 -B "$source/jobs/bench/compare/compare.py" --talus "$talus" --threads 1
    --rounds 3 --model "$source/tests/data/models/llama3_bf16" --work .)
  printf '#!/bin/sh\necho "[{\\"avg_ts\\": 1.0}, {\\"avg_ts\\": 2.0}]"\n' > other
  chmod +x other
  touch bf16.gguf
  printf 'before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n' > page.md
  expect 0 "| decode-bf16 | " "${compare[@]}" --rows decode-bf16 --llama-bench ./other \
    --output rounds.json --page page.md
  grep -q "| 2.0 | " page.md || fail "the other's last rate is not in the page: $(cat page.md)"
  [ "$(sed -n '1p;$p' page.md | tr '\n' ' ')" = "before after " ] || fail "more than the results changed"
  ! grep -q "^old" page.md || fail "the page has its old results"
  expect 1 "--rows: nothing" "${compare[@]}" --rows nothing
}

# What a GPU reached beside what is wanted of it: here with steps of this processor, and a card's
# limits that are made up.
case_targets() {
  local targets=(/usr/bin/python3 -B "$source/jobs/bench/gpu/targets.py" results)
  mkdir results
  expect 0 "not measured" "${targets[@]}"
  ! grep -qE " (met|missed|told)$" log || fail "a figure is told that nobody measured"
  for name in decode_1 decode_fp8_1 decode_64 prefill_8192 published_1 latency_8; do
    expect 0 "Avg latency: " "${four[@]}" --output-json "results/${name}_own.json"
  done
  echo '{"copy_gb_s": 1e-6, "library_bf16_tflop_s": 1e6, "results": [{"name": "another", "of_limit": 0.1},
    {"name": "latent attention of 128 heads, 128 x 8,192", "of_limit": 0.5}]}' > results/bench.json
  echo '{"traced": [1.0, 1.2, 9.0], "untraced": [1.0, 1.0, 1.1]}' > results/trace_cost.json
  echo '{"rows": [{"rows": 8, "decode_tokens_per_second": 1e-3}]}' > results/transformers.json
  expect 0 "matmul: own" "${targets[@]}"
  expect_figure() { grep -qE "^$1.* $2 .* $3$" log || fail "not $1 $2 $3: $(cat log)"; }
  expect_figure "decode of 1 sequence, part of the copy bandwidth" "[0-9.]+" met
  expect_figure "prefill of 8,192 tokens" "0.000" missed
  expect_figure "latent attention" "0.500" told
  expect_figure "trace, part of a run's time" "0.200" missed
  expect_figure "decode of 8, times transformers' rate" "[0-9.]+" told
  expect_figure "decode of 64, times transformers' rate" "-" "not measured"
  expect_figure "1 of 128 \\+ 128 tokens" "[0-9.]+" told
  /usr/bin/python3 -c "import json; assert len(json.load(open('results/targets_own.json'))) == 13" ||
    fail "targets_own.json"
}

run_case
