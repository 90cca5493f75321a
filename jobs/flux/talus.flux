#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#flux: --nodes=2
#flux: --time-limit=2h
# flux batch jobs/flux/talus.flux MODEL REQUESTS.jsonl ANSWERS.jsonl [option of talus run...]
# Submits itself again, to the instance that this one is a job of, until every request has its answer.
code=0
flux run --nodes=2 --tasks-per-node=2 --exclusive -o cpu-affinity=per-task \
  talus run --model "$1" -i "$2" -o "$3" --resume auto --status "$3.status" "${@:4}" || code=$?
[ "$code" -ne 75 ] || exec flux proxy "$(flux getattr parent-uri)" flux batch jobs/flux/talus.flux "$@"
exit "$code"
