# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs tshark and sharkd with the plugin in a clean home and returns what they show, by three ways of dissecting."""

import datetime
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "captures" / "samples"
NOBODY = 65534
# Seconds after which a program counts as hanging; the longest takes a tenth of it.
PATIENCE = 300

# The three ways in which a frame is dissected: once, in order (tshark); a second time after all frames
# were seen (tshark -2); again and in any order after all frames were seen (sharkd, like the window).
WAYS = ("single", "two-pass", "sharkd")

# What Wireshark loads, below build/plugins.
PLUGINS = ("epan/scep.so", "wiretap/sceplogs.so")

# The homes that programs run in, and what each of them holds.
HOMES = {"with": PLUGINS, "without": (), "without-reader": PLUGINS[:1]}

# The fields that users rely on, and the types they are registered with.
FIELD_TYPES = {
    "scep.operation": "FT_STRING", "scep.message": "FT_STRING", "scep.capability": "FT_STRING",
    "scep.transaction_id": "FT_STRING",
    "scep.message_type": "FT_UINT", "scep.pki_status": "FT_UINT", "scep.fail_info": "FT_UINT",
    "scep.fail_info_text": "FT_STRING", "scep.server_message": "FT_STRING", "scep.hresult": "FT_UINT32",
    "scep.sender_nonce": "FT_BYTES", "scep.recipient_nonce": "FT_BYTES",
    "scep.signer.subject": "FT_STRING", "scep.signer.issuer": "FT_STRING", "scep.signer.serial": "FT_BYTES",
    "scep.digest_algorithm": "FT_STRING",
    "scep.recipient.issuer": "FT_STRING", "scep.recipient.serial": "FT_BYTES",
    "scep.key_encryption": "FT_STRING", "scep.content_encryption": "FT_STRING",
    "scep.envelope_opened": "FT_BOOLEAN",
    "scep.csr.subject": "FT_STRING", "scep.csr.san": "FT_STRING", "scep.csr.key": "FT_STRING",
    "scep.challenge_password": "FT_STRING",
    "scep.certificate.subject": "FT_STRING", "scep.certificate.issuer": "FT_STRING",
    "scep.certificate.serial": "FT_BYTES", "scep.certificate.not_before": "FT_ABSOLUTE_TIME",
    "scep.certificate.not_after": "FT_ABSOLUTE_TIME", "scep.certificate.thumbprint": "FT_BYTES",
    "scep.request_in": "FT_FRAMENUM", "scep.response_in": "FT_FRAMENUM", "scep.time": "FT_RELATIVE_TIME",
}

# Fields of Wireshark itself that cases look at.
OTHER_TYPES = {"tcp.stream": "FT_UINT", "tcp.srcport": "FT_UINT", "tcp.dstport": "FT_UINT",
               "frame.time_relative": "FT_RELATIVE_TIME", "scepflow.retry_due": "FT_ABSOLUTE_TIME",
               "crp.verified": "FT_BOOLEAN", "crp.http_status": "FT_UINT", "crp.substatus": "FT_UINT",
               "crp.request_in": "FT_FRAMENUM", "crp.response_in": "FT_FRAMENUM", "crp.time": "FT_RELATIVE_TIME",
               "crp.certificate.serial": "FT_BYTES", "crp.certificate.thumbprint": "FT_BYTES"}

# fields: (name, value) of everything asked for, in tree order; messages: the same, one list per SCEP tree.
Frame = namedtuple("Frame", "number fields messages")


class Failure(Exception):
    """What a case reports when its precondition does not hold; the text is for the reader."""


def canonical(name, text):
    """One spelling of a value, whichever program and release printed it."""
    kind = FIELD_TYPES.get(name) or OTHER_TYPES.get(name, "")
    if kind.startswith("FT_UINT") or kind == "FT_FRAMENUM":
        return int(text, 0)
    if kind == "FT_BYTES":
        return text.replace(":", "").lower()
    if kind == "FT_BOOLEAN":
        return {"1": True, "0": False, "true": True, "false": False}[text.lower()]
    if kind == "FT_RELATIVE_TIME":
        return float(text)
    if kind == "FT_ABSOLUTE_TIME":
        return timestamp(text)
    # An XML attribute cannot tell these apart, so nobody does.
    return re.sub(r"[\t\r\n]", " ", text)


def timestamp(text):
    """ISO 8601 in UTC, to the second, of the ways in which Wireshark prints a time (TZ is UTC)."""
    plain = re.sub(r"\.\d+", "", text).replace("UTC", "").replace("Z", "").replace("T", " ")
    plain = re.sub(r"\+0000$", "", " ".join(plain.split())).strip()
    for form in ("%Y-%m-%d %H:%M:%S", "%b %d, %Y %H:%M:%S"):
        try:
            return datetime.datetime.strptime(plain, form).strftime("%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            continue
    return text


class Harness:
    """A scratch directory with homes (with, without and with a part of the plugins); lives as long as the run."""

    def __init__(self, build):
        self.plugin = Path(build) / "plugins" / PLUGINS[0]
        self.scratch = Path(tempfile.mkdtemp(prefix="scepshark-"))
        self.scratch.chmod(0o755)
        self.privileged = os.geteuid() == 0
        self.names = {}
        version = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout
        self.version = re.search(r"\b(\d+\.\d+)\.\d+", version).group(1)
        for home, plugins in HOMES.items():
            self.own(self.scratch / home, parents=True)
            for plugin in plugins:
                self.install(home, plugin, Path(build) / "plugins" / plugin)

    def install(self, home, plugin, built):
        # One that was not built shows itself: it is not loaded.
        if built.is_file():
            copy = self.scratch / home / ".local/lib/wireshark/plugins" / self.version / plugin
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(built, copy)
            copy.chmod(0o755)

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def own(self, folder, parents=False):
        """A folder that the unprivileged programs may write to."""
        folder.mkdir(parents=parents, exist_ok=True)
        if self.privileged:
            os.chown(folder, NOBODY, NOBODY)
        return folder

    def readable(self, path):
        """A copy of a file that the unprivileged programs can read, made once."""
        path = Path(path)
        if self.scratch in path.parents:
            return path
        copy = self.scratch / "files" / path.resolve().relative_to("/")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Written aside and renamed: another worker may want the same file.
            part = copy.with_name(f"{copy.name}.{os.getpid()}")
            shutil.copy(path, part)
            part.chmod(0o644)
            part.rename(copy)
        return copy

    def run(self, *command, **options):
        """Runs a program unprivileged (Wireshark loads no personal plugin for root) and returns the finished process.
        A crash, an error or a hang ends the case."""
        done = self.attempt(*command, **options)
        said = done.stderr.decode(errors="replace").strip()[-600:]
        if done.returncode != 0:
            raise Failure(f"{' '.join(map(str, command))[:300]}\n    exit code {done.returncode}: {said}")
        return done

    def attempt(self, *command, plugin=True, text_in=None):
        """The same for a program that may end with an error. plugin: with our plugins or without, or one of HOMES."""
        # A personal set-up, a time zone or a language must not change what is shown.
        home = self.scratch / {True: "with", False: "without"}.get(plugin, plugin)
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C.UTF-8"}
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if self.privileged else []
        feed = {"stdin": subprocess.DEVNULL} if text_in is None else {"input": text_in.encode()}
        try:
            return subprocess.run(drop + [str(part) for part in command], env=environment, cwd=home,
                                  capture_output=True, timeout=PATIENCE, **feed)
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(map(str, command))[:300]}\n    not done after {PATIENCE} s") from None

    def dissecting(self, *command, **options):
        """The same for a program that dissects: a dissector bug, which Wireshark survives and reports, ends the case."""
        done = self.run(*command, **options)
        for output in (done.stdout, done.stderr):
            bug = output.find(b"Dissector bug")
            if bug >= 0:
                raise Failure(f"{' '.join(map(str, command))[:300]}\n    "
                              f"{output[max(0, bug - 100):bug + 200].decode(errors='replace')}")
        return done.stdout

    def tshark(self, capture, *arguments, preferences=(), **options):
        """Standard output of tshark on a capture. preferences: (name, value) pairs."""
        settings = [part for name, value in preferences for part in ("-o", f"{name}:{value}")]
        return self.dissecting("tshark", "-n", "-r", self.readable(capture), *settings, *arguments, **options)

    def field_names(self, protocol):
        """The fields of a protocol, in the order of their registration; asked for once."""
        if protocol not in self.names:
            lines = [line.split("\t") for line in self.run("tshark", "-G", "fields").stdout.decode().splitlines()]
            self.names[protocol] = [line[2] for line in lines if line[0] == "F" and line[2].startswith(f"{protocol}.")]
        return self.names[protocol]

    def loaded_plugins(self):
        return self.run("tshark", "-G", "plugins").stdout.decode()

    def dissect(self, capture, way, preferences=(), protocols=("scep",)):
        """The frames of a capture as one way of dissecting shows them, with the fields below these protocols."""
        if way == "sharkd":
            return self._sharkd(capture, preferences, protocols)
        # PDML alone keeps the order of the tree and marks where each value ends. HTTP/2 holds its bodies' trees.
        passes, asked = ["-2"] if way == "two-pass" else [], " ".join([*protocols, "http2"])
        pdml = self.tshark(capture, *passes, "-T", "pdml", "-J", asked, preferences=preferences)
        return list(pdml_frames(pdml, protocols))

    def _sharkd(self, capture, preferences, protocols):
        calls = [("setconf", {"name": name, "value": value}) for name, value in preferences]
        calls.append(("load", {"file": str(self.readable(capture))}))
        table = self.run("capinfos", "-T", "-r", "-M", "-c", self.readable(capture)).stdout.decode()
        # Backwards: state that depends on the previous visit of a neighbour shows itself.
        numbers = range(int(table.split("\t")[1]), 0, -1)
        answers = self._sharkd_calls(calls + [("frame", {"frame": number, "proto": True}) for number in numbers])
        frames = [sharkd_frame(number, answer, protocols) for number, answer in zip(numbers, answers[len(calls):])]
        return frames[::-1]

    def _sharkd_calls(self, calls):
        lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
                 for number, (method, parameters) in enumerate(calls, 1)]
        output = self.dissecting("sharkd", "-", text_in="\n".join(lines) + "\n")
        answers = {}
        for line in output.decode(errors="replace").splitlines():
            if line.startswith("{"):
                answer = json.loads(line)
                if "error" in answer:
                    call = calls[answer["id"] - 1] if answer.get("id") else "?"
                    raise Failure(f"sharkd: {call}: {answer['error']}")
                answers[answer["id"]] = answer["result"]
        if len(answers) != len(calls):
            raise Failure(f"sharkd answered {len(answers)} of {len(calls)} requests")
        return [answers[number] for number in range(1, len(calls) + 1)]


def pdml_frames(pdml, protocols):
    # Octets from the wire may be what no XML document can hold.
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", pdml.decode(errors="replace"))
    for _, packet in ElementTree.iterparse(io.BytesIO(text.encode())):
        if packet.tag != "packet":
            continue
        number, fields, messages = 0, [], []
        for proto in packet.iter("proto"):
            name = proto.get("name")
            if name == "geninfo":
                number = int(next(field.get("show") for field in proto if field.get("name") == "num"))
            elif name in protocols and proto.get("hide") != "yes":
                found = [(item.get("name"), canonical(item.get("name"), item.get("show", "")))
                         for item in shown_items(proto)]
                fields += found
                if name == "scep":
                    messages.append(found)
        yield Frame(number, fields, messages)
        packet.clear()


def shown_items(element):
    """Named fields below an element in tree order, without hidden ones."""
    for child in element:
        if child.get("hide") == "yes":
            continue
        if child.tag == "field" and child.get("name") and child.get("name") != "filtered":
            yield child
        yield from shown_items(child)


def sharkd_frame(number, answer, protocols):
    fields, messages = [], []
    for node in sharkd_nodes(answer.get("tree", [])):
        if node.get("t") == "proto" and node.get("f") in protocols:
            found = list(sharkd_items(node))
            fields += found
            if node["f"] == "scep":
                messages.append(found)
    return Frame(number, fields, messages)


def sharkd_nodes(nodes):
    """The nodes of a tree, depth first."""
    for node in nodes:
        yield node
        yield from sharkd_nodes(node.get("n", []))


def sharkd_items(node):
    """Fields below a node. sharkd gives no value as such, but the display filter that selects it."""
    for child in sharkd_nodes(node.get("n", [])):
        match = re.fullmatch(r"([\w.-]+)(?: == (.*))?", child.get("f", ""), re.DOTALL)
        if match:
            name, text = match.group(1), match.group(2) or ""
            if text.startswith('"') and text.endswith('"'):
                text = unescape(text[1:-1])
            yield name, canonical(name, text)


def unescape(text):
    """The string behind a display filter's literal (backslash escapes of UTF-8 bytes)."""
    simple = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v", "0": b"\0"}

    def replace(match):
        code = match.group(1)
        if code[:1] == b"x":
            return bytes([int(code[1:], 16)])
        return simple.get(code.decode("latin-1"), code)

    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", replace, text.encode(), flags=re.DOTALL).decode(errors="replace")


def without_secrets(capture, target):
    """Writes a pcapng file without its Decryption Secrets Blocks to target. False when there are none."""
    data, kept, found, offset = capture.read_bytes(), [], False, 0
    # Section Header Block: type, length, byte order (draft-ietf-opsawg-pcapng section 4.1).
    order = "little" if data[8:12] == bytes.fromhex("4d3c2b1a") else "big"
    while offset < len(data):
        kind, length = (int.from_bytes(data[offset + at:offset + at + 4], order) for at in (0, 4))
        if kind == 0x0000000A:
            found = True
        else:
            kept.append(data[offset:offset + length])
        offset += length
    if found:
        target.write_bytes(b"".join(kept))
        target.chmod(0o644)
    return found


def samples():
    """The recorded samples: folders that say what the peers saw."""
    return sorted(path.parent.parent for path in SAMPLES.glob("*/truth/exchanges.json"))


def compare(expected, shown, where):
    """Failure lines for fields that differ. expected: facts (field, value, road); shown: (field, value) pairs.
    Every field that either side has counts; the order of the values of one field counts too."""
    lines = []
    roads, wanted, got = {}, {}, {}
    for field, value, road in expected:
        wanted.setdefault(field, []).append(canonical_expected(value))
        roads[field] = road
    for field, value in shown:
        got.setdefault(field, []).append(value)
    for field in sorted(set(wanted) | set(got)):
        if wanted.get(field) != got.get(field):
            lines.append(f"{where}: {field}\n"
                         f"      expected {difference(wanted.get(field), got.get(field))} "
                         f"({roads.get(field, 'the peers sent no such thing')})\n"
                         f"      got      {difference(got.get(field), wanted.get(field))}")
    return lines


def difference(values, others):
    """The values of a field for the reader: of many only those from the first that differs."""
    if not values:
        return "nothing"
    alike = 0
    while others and alike < min(len(values), len(others)) and values[alike] == others[alike]:
        alike += 1
    words = repr(values[alike:])
    return (f"{len(values)} values, from number {alike + 1}: " if alike else "") + words[:300] + ("…" if words[300:] else "")


def canonical_expected(value):
    return re.sub(r"[\t\r\n]", " ", value) if isinstance(value, str) else value
