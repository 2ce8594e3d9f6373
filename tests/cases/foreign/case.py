# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not SCEP looks exactly as without the plugin: whole captures, and all frames without a SCEP tree of ours."""

import difflib
import re
import xml.etree.ElementTree as ElementTree

import packets as writer
import peers
from harness import SAMPLES, samples

FOREIGN = SAMPLES / "foreign"
# Trees of messages, calls of the registration point, and calls of the CA, whose stubs Wireshark does not know.
OURS = ("scep", "crp", "icert", "icertpassage", "icertrequestd", "icertrequestd2")


# Ordinary requests with the media types that calls of the registration point share, some with the words of one.
BODIES = {
    "application/json": b'{"request": {"transactionId": "B7", "challenge": "0123456789ABCDEF"}, "verified": true}',
    "text/json": b"[true, false, null]",
    "application/xml": b"<VerifyRequest><challenge>0123456789ABCDEF</challenge></VerifyRequest>",
    "text/xml": b"<?xml version='1.0'?><a b='c'>d</a>",
    "text/html": b"<html><head><title>403 - Forbidden</title></head><body>HTTP Error 403.16</body></html>",
    "text/plain": b"VerifyRequest\r\ntrue\r\n",
    "application/octet-stream": bytes(range(256)),
    "application/x-www-form-urlencoded": b"challenge=0123456789ABCDEF&a=b",
}
# VerifyRequest is the registration point's only below its paths.
TARGETS = ("/api/v1/items", "/VerifyRequest", "/Other/Certificate/Notify", "/CMCertificateRegistration/Certificate",
           "/CMCertificateRegistration/Certificate/VerifyRequests", "/submit?call=VerifyRequest")
ORDINARY = "ordinary requests"


def units(run, folder):
    return [ORDINARY] + [f"foreign/{path.name}" for path in sorted(FOREIGN.glob("*.pcap*"))] + \
           [f"{sample.name}/{min(path.name for path in sample.glob('*.pcapng'))}" for sample in samples()]


def check(run, folder, unit):
    if unit == ORDINARY:
        return check_ordinary(run)
    capture = SAMPLES / unit
    if "scep.so" not in run.loaded_plugins():
        return ["the plugin is not loaded: nothing to compare"]
    if capture.parent == FOREIGN:
        return [line for passes in ((), ("-2",)) for line in compare_text(run, capture, passes)]
    # The passes take turns.
    return compare_trees(run, capture, ((), ("-2",))[units(run, folder).index(unit) % 2])


def check_ordinary(run):
    """HTTP of others, whose bodies come by the same media types, or by none."""
    path = run.scratch / "ordinary.pcap"
    with writer.CaptureWriter(path) as capture:
        for target in TARGETS:
            for content_type, body in BODIES.items():
                capture.exchange(writer.http_request("POST", target, body, content_type),
                                 writer.http_response(content_type, body))
        nameless = writer.http_request("POST", "/upload", b"true", "").replace(b"Content-Type: \r\n", b"")
        capture.exchange(nameless, b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nfalse")
    path.chmod(0o644)
    lines = [line for passes in ((), ("-2",)) for line in compare_text(run, path, passes)]
    path.unlink()
    return lines


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
    body of an HTTP message is SCEP where it was an unknown media type, what the CA is asked is more than a stub, and the
    list of protocols says so; all else stays."""
    # With their secrets, bodies of calls of the registration point look as without us.
    plain, ours = (list(packets(run.tshark(capture, *passes, "-T", "pdml", plugin=plugin, preferences=given)
                                .decode(errors="replace")))
                   for plugin, given in ((False, ()), (True, [("scep.show_secrets", "TRUE")])))
    if len(plain) != len(ours):
        return [f"{len(ours)} frames with the plugin, {len(plain)} without"]
    lines, scep = [], 0
    for number, (before, after) in enumerate(zip(plain, ours), 1):
        after = without_flow(after)
        ours_here = any(f'<proto name="{name}"' in after for name in OURS)
        scep += ours_here
        # Whatever names the CA's interfaces does so now, such as the endpoint mapper's answer.
        is_rpc = '<proto name="dcerpc"' in before and f'show="{peers.CA}"' in before
        if ours_here or is_rpc:
            before, after = (reduced(packet, ("dcerpc", "epm") if is_rpc else ()) for packet in (before, after))
        if before != after:
            changed = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=0)][3:]
            lines += [f"{' '.join(passes)} frame {number}: {line[:200]}" for line in changed]
    return lines if scep else lines + [f"{' '.join(passes)} no frame has a SCEP tree"]


def packets(pdml):
    return re.findall(r"<packet>.*?</packet>", pdml, re.DOTALL)


def without_flow(packet):
    """A packet's PDML without the trees "SCEP flow", which stand behind all others."""
    return re.sub(r'  <proto name="scepflow".*?\n  </proto>\n', "", packet, flags=re.DOTALL)


def reduced(packet, others):
    """A packet's PDML without our trees, those of bodies of unknown or no type, those of other protocols, their names, and
    the length of HTTP, which Wireshark cuts to the head when a dissector takes the body."""
    root = ElementTree.fromstring(packet)
    for parent in [*root.iter()]:
        # Where a tree was taken out, the white space around it must not count.
        parent.text = parent.tail = "\n"
        for child in [*parent]:
            if child.get("name") in (*OURS, *others, "media", "data", "fake-field-wrapper", "frame.protocols"):
                parent.remove(child)
            elif child.get("name") == "http":
                child.attrib.pop("size", None)
    return ElementTree.tostring(root, encoding="unicode")
