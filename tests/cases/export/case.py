# SPDX-License-Identifier: GPL-2.0-or-later
"""Exported objects: what openssl reads from each file is what the peers exchanged."""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import keys
import oracle
from harness import samples

READERS = {".cer": ("x509", "-inform", "DER", "-noout"), ".p10": ("req", "-inform", "DER", "-noout"),
           ".p7m": ("cms", "-cmsout", "-inform", "DER", "-noout")}


def units(run, folder):
    """Every capture once; samples with several captures have one for each answer to keys and secrets."""
    found = []
    for sample in samples():
        answers = ("with secrets", "with keys", "without keys") if keys.files(sample) else ("without keys",)
        for number, path in enumerate(sorted(sample.glob("*.pcapng"))):
            found.append(f"{sample.name}/{path.name}/{answers[number % len(answers)]}")
    return found


def check(run, folder, unit):
    name, capture, given = unit.split("/")
    sample = next(sample for sample in samples() if sample.name == name)
    key_files = keys.files(sample) if given != "without keys" else []
    preferences = keys.preferences(run, sample) if key_files else []
    if given == "with secrets":
        preferences.append(("scep.show_secrets", "TRUE"))
    target = Path(tempfile.mkdtemp(dir=run.own(run.scratch / "export")))
    try:
        run.own(target)
        run.tshark(sample / capture, "-q", "--export-objects", f"scep,{target}", preferences=preferences)
        sent, refused = (expected(sample, capture, key_files, reached) for reached in (True, False))
        return compare(sorted(target.iterdir()), sent, refused, given, sample)
    finally:
        shutil.rmtree(target)


def expected(sample, capture, key_files, reached):
    """The contents of the files by kind, from what the peers kept: of the exchanges that the server answered, which a
    proxy sees twice and a registration point not at all, or of those that somebody refused."""
    wanted = {suffix: Counter() for suffix in READERS}
    truth = sample / "truth"
    for exchange in json.loads((truth / "exchanges.json").read_text()):
        if (exchange["status"] == 200) != reached:
            continue
        times = {"wap.pcapng": 2, "crp.pcapng": 0}.get(capture, 1)
        for side in ("request", "response") if reached else ("request",):
            data = (truth / exchange[side]).read_bytes() if exchange[side] else b""
            if data and exchange["operation"] == "PKIOperation":
                try:
                    content = oracle.SignedData(data).content()
                except oracle.NotSuch:
                    # What is no CMS is no message, whatever type it was given: there is nothing to save.
                    continue
                wanted[".p7m"][data] += times
                hidden = oracle.open_envelope(content, key_files)
                kind = oracle.outline(data)[0]
                if hidden and side == "request" and kind not in ("20", "21", "22"):
                    wanted[".p10"][hidden] += times
                elif hidden and kind == "3":
                    wanted[".cer"].update(oracle.SignedData(hidden).certificates * times)
            elif data and exchange["operation"] in ("GetCACert", "GetNextCACert"):
                wanted[".cer"].update(oracle.certificates(data) * times)
    return wanted


def compare(paths, sent, refused, given, sample):
    """Failure lines. What was refused may be in a capture or not: who refused it is not on record."""
    lines, got = [], {suffix: Counter() for suffix in READERS}
    for path in paths:
        suffix, data = path.suffix, path.read_bytes()
        if suffix not in READERS:
            lines.append(f"{path.name}: expected only {', '.join(READERS)}")
            continue
        try:
            oracle.openssl(*READERS[suffix], data=data)
        except oracle.NotSuch as problem:
            lines.append(f"{path.name}: {problem}")
        got[suffix][data] += 1
        if suffix == ".p10" and given == "with keys":
            challenge = (sample / "truth/challenge").read_bytes().strip()
            if challenge and challenge in data:
                lines.append(f"{path.name}: holds the challenge password, which is hidden")
    for suffix in READERS:
        missing, extra = sent[suffix] - got[suffix], got[suffix] - sent[suffix] - refused[suffix]
        if suffix == ".p10" and given == "with keys":
            # The password in it is hidden: only the number can be compared.
            least = sent[suffix].total()
            if not least <= got[suffix].total() <= least + refused[suffix].total():
                lines.append(f"{got[suffix].total()} {suffix} files, expected {least} (exchanges.json)")
        elif missing or extra:
            lines.append(f"{suffix}: {got[suffix].total()} files, expected {sent[suffix].total()} (exchanges.json); "
                         f"{missing.total()} are missing or not as the peers sent them, {extra.total()} are unexpected")
    return lines
