# SPDX-License-Identifier: Apache-2.0
"""doctor_fields.py FILE RANKS HOSTS [KIND...]: checks the JSON of `talus doctor`.

Every key that jobs/doctor/README.md lists is there with its type, and no other; ranks and hosts are
as many as told, and findings of these kinds among the others.
"""

import json
import sys

NUMBER = (int, float)
NONE = type(None)
TEXT_OR_NONE = (str, NONE)

TOP = {"schema": int, "seconds": NUMBER, "versions": dict, "launch": dict, "hosts": list,
       "ranks": list, "measurement": dict, "network": dict, "file": (dict, NONE), "findings": list}
LAUNCH = {"launcher": TEXT_OR_NONE, "scheduler": TEXT_OR_NONE, "job_id": TEXT_OR_NONE,
          "allocated_nodes": (int, NONE), "allocated_nodes_from": TEXT_OR_NONE}
HOST = {"host": str, "ranks": list, "cores": int, "processor": str,
        "memory_bytes_per_second": NUMBER, "clock_offset_seconds": NUMBER,
        "clock_error_seconds": NUMBER}
RANK = {"rank": int, "host": str, "node_rank": int, "cores": list, "numa": list, "host_cores": int,
        "threads": int, "processor": str, "float32_operations_per_second": NUMBER,
        "memory_bytes_per_second_alone": NUMBER, "memory_bytes_per_second_together": NUMBER,
        "file_bytes": int, "file_seconds": NUMBER, "thread_level": str, "cards": (list, NONE),
        "no_card_reason": TEXT_OR_NONE}
CARD = {"name": str, "uuid": str, "pci": str, "compute_capability": list, "multiprocessors": int,
        "memory_bytes": int}
NETWORK = {"transport": list, "host_pairs": int, "host_pairs_measured": int, "between_hosts": list,
           "inside_hosts": list}
LINK = {"ranks": list, "hosts": list, "latency_seconds": NUMBER, "bytes_per_second": NUMBER}
FILE = {"path": str, "file_system": str, "page_cache": str, "total_bytes": int, "read_bytes": int,
        "bytes_per_second": NUMBER, "problem": TEXT_OR_NONE}
FINDING = {"kind": str, "text": str, "ranks": list, "hosts": list}


def check(condition, message):
    """Ends the program with a message unless a condition holds."""
    if not condition:
        sys.exit(message)


def check_fields(found, fields, where):
    """Exactly these keys, with these types."""
    check(set(found) == set(fields), f"{where}: {sorted(set(found) ^ set(fields))}")
    for key, kind in fields.items():
        check(isinstance(found[key], kind), f"{where}: {key} is {found[key]!r}")


def check_report(report, num_ranks, num_hosts, kinds):
    """The whole report, against what the test knows of the job."""
    check_fields(report, TOP, "report")
    check(report["schema"] == 1, "schema")
    check({"talus", "compiler", "mpi", "mpi_standard", "hdf5", "hwloc", "kernels"} <= set(
        report["versions"]), f"versions: {report['versions']}")
    check_fields(report["launch"], LAUNCH, "launch")
    for host in report["hosts"]:
        check_fields(host, HOST, "host")
        check(host["memory_bytes_per_second"] > 0, "memory of a host")
    for rank in report["ranks"]:
        check_fields(rank, RANK, "rank")
        check(rank["float32_operations_per_second"] > 0, "arithmetic rate")
        check(rank["memory_bytes_per_second_alone"] > 0, "memory rate")
        for card in rank["cards"] or []:
            check_fields(card, CARD, "card")
        check(bool(rank["no_card_reason"]) == (rank["cards"] == []), "why there is no card")
    check([rank["rank"] for rank in report["ranks"]] == list(range(num_ranks)), "ranks")
    check(len(report["hosts"]) == num_hosts, f"hosts: {report['hosts']}")
    check(sorted(r for host in report["hosts"] for r in host["ranks"]) == list(range(num_ranks)),
          "ranks of hosts")

    network = report["network"]
    check_fields(network, NETWORK, "network")
    check(network["transport"], "transport")
    check(network["host_pairs"] == num_hosts * (num_hosts - 1) // 2, "pairs of hosts")
    check(network["host_pairs_measured"] == len(network["between_hosts"]), "pairs measured")
    check(network["host_pairs_measured"] == network["host_pairs"], "few hosts: all pairs")
    shared = sum(len(host["ranks"]) > 1 for host in report["hosts"])
    check(len(network["inside_hosts"]) == shared, "links inside of hosts")
    for link in network["between_hosts"] + network["inside_hosts"]:
        check_fields(link, LINK, "link")
        check(link["latency_seconds"] > 0 and link["bytes_per_second"] > 0, f"link: {link}")

    if report["file"]:
        check_fields(report["file"], FILE, "file")
        check(report["file"]["read_bytes"] == sum(r["file_bytes"] for r in report["ranks"]), "bytes")
    for finding in report["findings"]:
        check_fields(finding, FINDING, "finding")
    found = [finding["kind"] for finding in report["findings"]]
    check(set(kinds) <= set(found), f"findings: {found}")


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as text:
        check_report(json.load(text), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
