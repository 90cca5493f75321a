# SPDX-License-Identifier: Apache-2.0
"""Reads the traces that trace_h5py_test.cpp wrote, as a user would: with h5py and nothing else.

trace_reader.py FOLDER
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError as error:
    sys.exit(f"this test needs h5py and numpy for {sys.executable} (Debian: python3-h5py): {error}")


def check_steps(trace):
    steps = trace["steps"]
    assert steps.shape == (4, 30), steps.shape
    rows = steps[...]
    present = rows["rank"] >= 0
    # Rank 1 recorded fewer, rank 2 was killed after 20 were flushed, rank 3 never started.
    assert present[:2].sum(axis=1).tolist() == [30, 10], present.sum(axis=1)
    assert present[2].sum() == 20, present.sum(axis=1)
    assert not present[3].any()
    for rank in range(3):
        of_rank = rows[rank][present[rank]]
        assert (of_rank["rank"] == rank).all()
        assert of_rank["step"].tolist() == list(range(len(of_rank)))
        assert (of_rank["used_num_blocks"] == of_rank["step"] + 1).all()
        assert np.array_equal(of_rank["t_begin"], 0.5 * of_rank["step"])
        assert np.array_equal(of_rank["attention_time"], (0.25 * of_rank["step"]).astype("f4"))
        assert (of_rank["next_stage_bytes_sent"] == 1 << 40).all()
        assert (of_rank["other_time"] == 0).all()

    units = dict(zip(rows.dtype.names, steps.attrs["units"]))
    assert len(units) == len(steps.attrs["descriptions"]) == len(rows.dtype.names)
    assert units["attention_time"] == "s" and units["kv_used_bytes"] == "bytes", units


def check_requests(trace):
    requests = trace["requests"]
    rows = requests[...]
    rows = rows[rows["rank"] >= 0]
    assert len(rows) == 1, rows
    row = rows[0]
    assert row["custom_id"].decode() == "r\u00e9quest-7"
    assert (row["ttft"], row["tpot"], row["e2e_latency"]) == (2.0, 1.0, 6.0), row
    assert row["scheduling_delay"] == 0.5
    reasons = h5py.check_enum_dtype(requests.dtype["finish_reason"])
    assert reasons == {"stop": 0, "length": 1, "error": 2, "abort": 3}, reasons
    assert row["finish_reason"] == reasons["length"]

    hashed = 0xCBF29CE484222325
    for byte in "r\u00e9quest-7".encode():
        hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
    assert int(row["custom_id_hash"]) == hashed


def check_preemptions(trace):
    rows = trace["preemptions"][...]
    rows = rows[rows["rank"] >= 0]
    assert rows["tokens_lost"].tolist() == [640], rows


def check_experts(trace):
    # Ranks 0 and 2 have layers 1 and 3, rank 1 has 2; each adds its rank + 1 to expert 2 of its last.
    tokens = trace["experts/tokens"]
    assert tokens.attrs["layers"].tolist() == [1, 2, 3]
    assert tokens.attrs["units"] == "tokens"
    total = tokens[...].sum(axis=1)
    assert total.shape == (4, 3, 4), total.shape
    expected = np.zeros_like(total)
    expected[0, 2, 2] = 1
    expected[1, 1, 2] = 2
    expected[2, 2, 2] = 3
    assert np.array_equal(total, expected), total
    intervals = trace["experts/intervals"][...]
    present = intervals["rank"] >= 0
    assert present.any(axis=1).tolist() == [True, True, True, False]
    assert (intervals["t_end"][present] >= intervals["t_begin"][present]).all()


def check_run(trace):
    assert trace.attrs["schema"] == "talus-trace"
    assert trace.attrs["schema_version"].split(".")[0] == "1"
    assert trace.attrs["num_ranks"] == 4
    assert trace["run"].attrs["rank"] == 0
    second = trace["ranks/00001"]
    assert second.attrs["complete"] == 1 and trace["ranks/00002"].attrs["complete"] == 0
    assert second.attrs["dropped_steps"] == 0
    run = second["run"]
    assert run.attrs["world_size"] == 4 and run.attrs["rank"] == 1
    assert run.attrs["host"] == "node-1"
    assert run.attrs["epoch_unix_s"] == 1.75e9
    assert dict(run["options"].attrs) == {"--model": "m\u00f6del", "--seed": "2"}
    assert dict(run["model"].attrs) == {"family": "qwen3"}
    assert run["versions"].attrs["talus"] == "0.1.0"
    assert run["versions"].attrs["hdf5"].count(".") == 2
    assert "00003" in trace["ranks"] and trace["ranks"].get("00003", getlink=True) is not None


with h5py.File(f"{sys.argv[1]}/trace.h5", "r") as master:
    for check in (check_steps, check_requests, check_preemptions, check_experts, check_run):
        check(master)
