#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cases in tests/cases: what the plugin shows against what the peers, openssl and the RFC say.

usage: tests/cases.py [--build BUILD] [-k PATTERN] [-v]

A case is a folder with a case.py (units(run) names its parts, check(run, unit) returns lines about what is wrong)
or a case.json (a tshark command and the rows it must print, see fields.py).
"""

import argparse
import fnmatch
import importlib.util
import multiprocessing
import signal
import sys
import time
import traceback
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

import fields
from harness import ROOT, Failure, Harness

WORKERS = 2
# A case that fails says enough in its first lines.
FEW = 12

run = None  # the Harness, made before the workers are forked, which inherit it


def load(folder):
    """The module of a case: its own case.py, or the one that all case.json share."""
    if (folder / "case.json").is_file():
        return fields
    specification = importlib.util.spec_from_file_location(f"case_{folder.name}", folder / "case.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def discover(pattern):
    """(folder, unit) of every part of every case whose name fits."""
    folders = sorted(path.parent for path in (TESTS / "cases").glob("*/case.*"))
    # Naming the parts of a case may take long: leave out what a pattern that begins with a case's name cannot mean.
    named = [folder for folder in folders if folder.name == pattern.partition("/")[0]]
    for folder in named or folders:
        units = load(folder).units(run, folder)
        # A case that has nothing to look at would pass whatever the plugin does.
        for unit in units or ["nothing to test"]:
            name = f"{folder.name}/{unit}"
            if fnmatch.fnmatchcase(name, f"*{pattern}*"):
                yield folder, unit, bool(units)


def check(task):
    folder, unit, real = task
    started = time.monotonic()
    if not real:
        lines = ["no sample or file for this case"]
    else:
        try:
            lines = load(folder).check(run, folder, unit)
        except Failure as failure:
            lines = [str(failure)]
        except Exception:
            lines = [traceback.format_exc()]
    return f"{folder.name}/{unit}", lines, time.monotonic() - started


def main():
    global run
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build", help="build folder, with plugins/epan/scep.so")
    parser.add_argument("-k", dest="pattern", default="", help="only cases whose name contains this; * and ? stand for any characters")
    parser.add_argument("-v", action="store_true", dest="verbose", help="times, and everything that is wrong")
    options = parser.parse_args()

    # Stopped from outside, the scratch directory is still removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = Harness(options.build)
    passed = failed = 0
    try:
        if "scep.so" not in run.loaded_plugins():
            # Then every field is unknown, which would look like mistakes of the plugin.
            print(f"{run.plugin}: tshark does not load it; every case will fail")
        tasks = list(discover(options.pattern))
        with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
            for name, lines, seconds in pool.imap_unordered(check, tasks):
                passed, failed = passed + (not lines), failed + bool(lines)
                print(f"{'FAIL' if lines else 'ok  '} {name}" + (f"  ({seconds:.1f} s)" if options.verbose else ""),
                      flush=True)
                shown = lines if options.verbose else lines[:FEW]
                for line in shown + ([f"… {len(lines) - FEW} more, see -v"] if len(lines) > len(shown) else []):
                    print(f"    {line}")
    finally:
        run.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
