#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hinomi beside its peers on the same data in one run: whole processes, alternating, medians of CPU time, ratios. Then the inner figures.

bench/run.py [--rounds N] [--only peers|inner]

CPU time (user + system) of one pinned core, less what the same program takes for no input at all; what loading the rules takes is a line of its own. Peers
come from the Rust package registry by cargo into build/peers ($HINOMI_PEERS); without cargo only the inner figures are printed. A peer is measured with the
allocator it has and with jemalloc where the machine has that, and counts with the better one. Data comes from the corpus ($HINOMI_SHARED/corpus or
../shared/corpus) when it is there, else only the generated set is used and the shipped rules stand for SigmaHQ's.
"""
import argparse
import ctypes.util
import glob
import json
import math
import os
import shutil
import statistics
import struct
import subprocess
import sys
import zlib

import data

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
HINOMI = os.path.join(BUILD, "hinomi")
PEERS = os.environ.get("HINOMI_PEERS", os.path.join(BUILD, "peers"))
WORK = os.path.join(BUILD, "bench-data")
CORPUS = os.path.join(os.environ.get("HINOMI_SHARED", os.path.join(ROOT, "..", "shared")), "corpus")
PEER_CRATES = {"rsigma": ("rsigma", "0.26.0"), "evtx_dump": ("evtx", "0.15.1")}  # program: crate, version
THREADS_SECONDS = 1.0  # of one thread's work, so that starting up does not count
RULE_FOLDERS = ("rules", "rules-compliance", "rules-dfir", "rules-emerging-threats", "rules-placeholder", "rules-threat-hunting")


def pin():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def cpu(args, stdin=None, out=os.devnull, env=None):
    with open(stdin or os.devnull, "rb") as i, open(out, "wb") as o, open(os.path.join(WORK, "stderr"), "wb") as e:
        p = subprocess.Popen(args, stdin=i, stdout=o, stderr=e, preexec_fn=pin, env={**os.environ, "RAYON_NUM_THREADS": "1", **(env or {})})
        _, status, ru = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"{args[0]} ended with status {status}: " + open(os.path.join(WORK, "stderr"), errors="replace").read()[-500:])
    return ru.ru_utime + ru.ru_stime, ru.ru_maxrss / 1024


def install_peers():
    """Each in the version that the figures are about; false when there is none to compare with."""
    missing = [exe for exe in PEER_CRATES if not peer(exe)]
    if missing and not shutil.which("cargo"):
        print("cargo is not installed: " + ", ".join(missing) + " left out")
    for exe in missing if shutil.which("cargo") else []:
        crate, version = PEER_CRATES[exe]
        print(f"installing {crate} {version} into {PEERS} (some minutes)", flush=True)
        if subprocess.run(["cargo", "install", "--quiet", "--ignore-rust-version", "--root", PEERS, "--version", version, crate]).returncode:
            print(f"{crate} cannot be built here")
    return any(peer(exe) for exe in PEER_CRATES)


def peer(name):
    path = os.path.join(PEERS, "bin", name)
    return path if os.path.exists(path) else None


def rules_folder():
    """All SigmaHQ rules as one folder, so that both sides read the same files in the same order."""
    there = [os.path.join(CORPUS, "sigma", f) for f in RULE_FOLDERS if os.path.isdir(os.path.join(CORPUS, "sigma", f))]
    if not there:
        return os.path.join(ROOT, "content", "rules")
    folder = os.path.join(WORK, "rules")
    if not os.path.isdir(folder):
        for f in there:
            shutil.copytree(f, os.path.join(folder, os.path.basename(f)))
    return folder


def one_evtx(path, times):
    """The chunks of all event logs of the corpus behind one file header."""
    chunks = []
    for name in sorted(glob.glob(os.path.join(CORPUS, "evtx", "**", "*.evtx"), recursive=True)):
        with open(name, "rb") as f:
            text = f.read()
        chunks += [text[i : i + 65536] for i in range(4096, len(text) - 65535, 65536) if text[i : i + 8] == b"ElfChnk\0"]
    n = len(chunks) * times
    head = bytearray(4096)
    head[0:8] = b"ElfFile\0"
    struct.pack_into("<QQQIHHHH", head, 8, 0, n - 1, 1, 128, 1, 3, 4096, n & 0xFFFF)
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    with open(path, "wb") as f:
        f.write(bytes(head))
        for _ in range(times):
            f.writelines(chunks)
    return path


def make_data():
    os.makedirs(WORK, exist_ok=True)
    sets = {}

    def once(name, make):
        path = os.path.join(WORK, name)
        if not os.path.exists(path):
            make(path + ".part")
            os.rename(path + ".part", path)
        return path

    if os.path.isdir(os.path.join(CORPUS, "evtx")):
        sets["evtx"] = once("all.evtx", lambda p: one_evtx(p, 6))
        sources = [os.path.join(CORPUS, "evtx"), os.path.join(CORPUS, "sigma", "regression_data")]
        sets["EVTX-derived JSON"] = once("flat.json", lambda p: data.write_repeated(data.flat_events(HINOMI, sources, WORK), p, 16))
    if os.path.isdir(os.path.join(CORPUS, "otrf")):
        sets["OTRF Windows JSON"] = once("otrf.json", lambda p: data.write_otrf(CORPUS, p, 250_000_000))
    sets["values never repeat"] = once("unique.json", lambda p: data.write_unique(p, 150000))
    return sets


def lines(path):
    with open(path, "rb") as f:
        return sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))


def allocators():
    """How a peer is started: with the allocator it was built with, and with jemalloc."""
    name = ctypes.util.find_library("jemalloc")
    return {"own": {}, **({"jemalloc": {"LD_PRELOAD": name}} if name else {})}


def side_by_side(rounds, ours, theirs, what, n):
    """ours and theirs: (arguments for no input, arguments for the input, stdin of either). Prints rates and the ratio to the peer's better one."""
    sides = {"hinomi": (ours, {}), **{name: (theirs, env) for name, env in allocators().items()}}
    empty_s, full_s, rss = ({name: [] for name in sides} for _ in range(3))
    for _ in range(rounds):
        for name, ((empty, full, stdin), env) in sides.items():
            empty_s[name].append(cpu(empty, env=env)[0] if empty else 0.0)
            seconds, memory = cpu(full, stdin, os.path.join(WORK, "stdout"), env)
            full_s[name].append(seconds)
            rss[name].append(memory)
    rate = {name: n / max(1e-9, statistics.median(full_s[name]) - statistics.median(empty_s[name])) / 1e3 for name in sides}
    best = max(allocators(), key=rate.get)
    others = ", ".join(f"{name} {rate[name]:.1f} k/s" for name in allocators() if name != best)
    print(f"{what:<24} {rate['hinomi']:9.0f} k/s {rate[best]:9.1f} k/s   {rate['hinomi'] / rate[best]:6.2f} x   {max(rss['hinomi']):5.0f} MiB {max(rss[best]):5.0f} MiB   {best}"
          + (f" ({others})" if others else ""), flush=True)


def peers(sets, rules, rounds):
    rsigma, dump = peer("rsigma"), peer("evtx_dump")
    base = [HINOMI, "scan", "-r", rules, "-o", "jsonl", "--stats", "none", "-j", "1"]
    empty = os.path.join(WORK, "empty.json")
    open(empty, "w").close()
    cpu(base + [empty])  # the rules are in the cache from here on
    print(f"\n{'one core, events or records':<24} {'hinomi':>13} {'peer':>13}   {'ratio':>8}   {'memory':>19}   peer's allocator")
    for name, path in sets.items():
        if name == "evtx":
            if dump:
                side_by_side(rounds, (base + [empty], base + [path], None), (None, [dump, "-t", "1", "-o", "jsonl", path], None), "EVTX, evtx_dump converts", evtx_records(path))
        elif rsigma:
            theirs = [rsigma, "engine", "eval", "-r", rules, "--logsource-routing", "--event-logsource", "product=windows", "--output-format", "ndjson"]
            side_by_side(rounds, (base + [empty], base + [path], None), (theirs, theirs, path), name, lines(path))
    if rsigma:
        theirs = [rsigma, "engine", "eval", "-r", rules, "--output-format", "ndjson"]
        ours = statistics.median(cpu(base + ["--cache", "off", empty])[0] for _ in range(rounds))
        cached = statistics.median(cpu(base + [empty])[0] for _ in range(rounds))
        loading = {name: statistics.median(cpu(theirs, env=env)[0] for _ in range(rounds)) for name, env in allocators().items()}
        best = min(loading, key=loading.get)
        print(f"rules loaded, CPU: hinomi {ours:.2f} s, from its cache {cached:.3f} s; rsigma {loading[best]:.2f} s ({best} allocator)")


def evtx_records(path):
    p = subprocess.run([HINOMI, "scan", "-o", "none", "--stats", "json", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return json.loads(p.stderr.decode(errors="replace").splitlines()[-1])["events"]


def before_others():
    """Where that is allowed, what else the machine does takes no time from what is measured by the clock."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass


def scan_seconds(rules, paths, jobs):
    args = [HINOMI, "scan", "-r", rules, "-o", "jsonl", "--stats", "json", "-j", str(jobs), *paths]
    p = subprocess.run(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=before_others)
    return json.loads(p.stderr.decode(errors="replace").splitlines()[-1])["seconds"]["scan"]


def threads(sets, rules, rounds):
    """Wall time of the scan alone with one thread and with two, in turns, over so many copies of the input that one thread works for a second."""
    if len(os.sched_getaffinity(0)) < 2:
        print("\nthreads: there is one processor only")
        return
    print(f"\nthreads (wall, medians of {rounds} rounds):")
    for name, path in sets.items():
        paths = [path]
        while (seconds := scan_seconds(rules, paths, 1)) < THREADS_SECONDS:
            paths = [path] * max(len(paths) + 1, math.ceil(len(paths) * THREADS_SECONDS / max(0.01, seconds)))
        took = {1: [], 2: []}
        for _ in range(rounds):
            for jobs in took:
                took[jobs].append(scan_seconds(rules, paths, jobs))
        one, two = (statistics.median(t) for t in took.values())
        print(f"  {name:<24} 1: {one:.3f} s  2: {two:.3f} s  {one / two:.2f} x", flush=True)


def inner(sets, rules):
    subprocess.run(["ninja", "-C", BUILD, "bench/inner", "bench/correlate"], check=True, stdout=subprocess.DEVNULL)
    for name, path in sets.items():
        print(f"\n{name}, stage by stage (CPU, best of 5):", flush=True)
        subprocess.run([os.path.join(BUILD, "bench", "inner"), rules, path], check=True)
    print("\ncorrelation (CPU):", flush=True)
    subprocess.run([os.path.join(BUILD, "bench", "correlate")], check=True)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--only", choices=("peers", "inner"))
    o = a.parse_args()
    sets, rules = make_data(), rules_folder()
    if o.only != "inner" and install_peers():
        peers(sets, rules, o.rounds)
    if o.only != "peers":
        inner(sets, rules)
        threads(sets, rules, o.rounds)


if __name__ == "__main__":
    main()
