# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases that are tshark commands and the lines they must print, written by hand in a case.json, a list of

    {"name":      "hresult",
     "source":    "where the expected lines come from",
     "capture":   "SAMPLE/device.pcapng",                  below captures/samples
     "keys":      true,                                    optional: the sample's private keys are given
     "preferences": [["scep.show_secrets", "TRUE"]],       optional
     "arguments": ["-Y", "scep", "-T", "fields", "-e", "scep.operation"],
     "expected":  ["GetCACaps", "…"]}                      the lines; or "contains": each in a line, in this order
"""

import json

import keys
from harness import SAMPLES


def units(run, folder):
    return [part["name"] for part in json.loads((folder / "case.json").read_text())]


def check(run, folder, unit):
    case = next(part for part in json.loads((folder / "case.json").read_text()) if part["name"] == unit)
    capture = SAMPLES / case["capture"]
    preferences = [tuple(pair) for pair in case.get("preferences", [])]
    if case.get("keys"):
        preferences += keys.preferences(run, capture.parent)
    lines = run.tshark(capture, *case["arguments"], preferences=preferences).decode().splitlines()
    if "expected" in case and lines != case["expected"]:
        return [f"expected {case['expected']}\n      got      {lines}\n      source   {case['source']}"]
    rest = iter(lines)
    return [f"no line contains {part!r} (after those that contain what comes before it), of {len(lines)}\n"
            f"      source   {case['source']}"
            for part in case.get("contains", []) if not any(part in line for line in rest)][:1]
