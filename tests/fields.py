# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases that are a tshark command and the lines it must print, written by hand in a case.json.

    {"source":    "where the expected lines come from",
     "capture":   "SAMPLE/device.pcapng",                  below captures/samples
     "keys":      true,                                    optional: the sample's private keys are given
     "preferences": [["scep.show_secrets", "TRUE"]],       optional
     "arguments": ["-Y", "scep", "-T", "fields", "-e", "scep.operation"],
     "expected":  ["GetCACaps", "…"]}                      whole lines; or "contains": every one is part of some line
"""

import json

import keys
from harness import SAMPLES


def units(run, folder):
    return ["lines"]


def check(run, folder, unit):
    case = json.loads((folder / "case.json").read_text())
    capture = SAMPLES / case["capture"]
    preferences = [tuple(pair) for pair in case.get("preferences", [])]
    if case.get("keys"):
        preferences += keys.preferences(run, capture.parent)
    lines = run.tshark(capture, *case["arguments"], preferences=preferences).decode().splitlines()
    wrong = []
    if "expected" in case and lines != case["expected"]:
        wrong += [f"expected {case['expected']}\n      got      {lines}\n      source   {case['source']}"]
    for part in case.get("contains", []):
        if not any(part in line for line in lines):
            wrong.append(f"no line contains {part!r}\n      source   {case['source']}\n      of {len(lines)} lines")
    return wrong
