# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not SCEP looks exactly as without the plugin: whole captures, and all frames without a SCEP tree of ours."""

import difflib
import re
import xml.etree.ElementTree as ElementTree

from harness import SAMPLES, samples

FOREIGN = SAMPLES / "foreign"


def units(run, folder):
    return [f"foreign/{path.name}" for path in sorted(FOREIGN.glob("*.pcap*"))] + \
           [f"{sample.name}/{min(path.name for path in sample.glob('*.pcapng'))}" for sample in samples()]


def check(run, folder, unit):
    capture = SAMPLES / unit
    if "scep.so" not in run.loaded_plugins():
        return ["the plugin is not loaded: nothing to compare"]
    if capture.parent == FOREIGN:
        return [line for passes in ((), ("-2",)) for line in compare_text(run, capture, passes)]
    # The passes take turns.
    return compare_trees(run, capture, ((), ("-2",))[units(run, folder).index(unit) % 2])


def compare_text(run, capture, passes):
    """Summary lines and every detail of a capture without SCEP."""
    plain, ours = (run.tshark(capture, *passes, "-P", "-V", plugin=plugin).decode(errors="replace").splitlines()
                   for plugin in (False, True))
    if not plain:
        return [f"{capture.name}: tshark shows nothing"]
    if plain == ours:
        return []
    return [f"{' '.join(passes)} {line}" for line in [*difflib.unified_diff(plain, ours, n=0)][3:]]


def compare_trees(run, capture, passes):
    """The trees of a capture with SCEP. But for the tree "SCEP flow", frames without a SCEP tree must be the same to the
    letter. In the others the
    body of an HTTP message is SCEP where it was an unknown media type, and the list of protocols says so; all else
    stays."""
    plain, ours = (list(packets(run.tshark(capture, *passes, "-T", "pdml", plugin=plugin).decode(errors="replace")))
                   for plugin in (False, True))
    if len(plain) != len(ours):
        return [f"{len(ours)} frames with the plugin, {len(plain)} without"]
    lines, scep = [], 0
    for number, (before, after) in enumerate(zip(plain, ours), 1):
        after = without_flow(after)
        if '<proto name="scep"' in after:
            scep += 1
            before, after = reduced(before), reduced(after)
        if before != after:
            changed = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=0)][3:]
            lines += [f"{' '.join(passes)} frame {number}: {line[:200]}" for line in changed]
    return lines if scep else lines + [f"{' '.join(passes)} no frame has a SCEP tree"]


def packets(pdml):
    return re.findall(r"<packet>.*?</packet>", pdml, re.DOTALL)


def without_flow(packet):
    """A packet's PDML without the trees "SCEP flow", which stand behind all others."""
    return re.sub(r'  <proto name="scepflow".*?\n  </proto>\n', "", packet, flags=re.DOTALL)


def reduced(packet):
    """A packet's PDML without the SCEP trees and those of bodies of unknown or no type, their names, and the length of
    HTTP, which Wireshark cuts to the head when a dissector takes the body."""
    root = ElementTree.fromstring(packet)
    for parent in [*root.iter()]:
        # Where a tree was taken out, the white space around it must not count.
        parent.text = parent.tail = "\n"
        for child in [*parent]:
            if child.get("name") in ("scep", "media", "data", "fake-field-wrapper", "frame.protocols"):
                parent.remove(child)
            elif child.get("name") == "http":
                child.attrib.pop("size", None)
    return ElementTree.tostring(root, encoding="unicode")
