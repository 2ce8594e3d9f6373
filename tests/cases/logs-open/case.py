# SPDX-License-Identifier: GPL-2.0-or-later
"""Logs opened like captures: every record is a packet, alone, merged with a capture, shifted or compressed, in every way
of dissecting. What is expected comes from the log's own text, which Python reads here."""

import datetime
import gzip
import ipaddress
import random
import re
import shutil
import tempfile
import zlib
from collections import namedtuple
from pathlib import Path

from harness import SAMPLES, WAYS

REFERENCE = SAMPLES / "logs" / "reference"
CAPTURE = SAMPLES / "plain-http" / "device.pcapng"

# A record as Python reads it; time in ns since 1970. Whatever the log does not have is None.
Record = namedtuple("Record", "line time client server client_port server_port text", defaults=(None,) * 5)

# What a packet tells of its record: the field of Wireshark for each.
SHOWN = {"time": "frame.time_epoch", "format": "exported_pdu.prot_name", "line": "exported_pdu.orig_fno",
         "client": ("exported_pdu.ipv4_src", "exported_pdu.ipv6_src"),
         "server": ("exported_pdu.ipv4_dst", "exported_pdu.ipv6_dst"),
         "client_port": "exported_pdu.src_port", "server_port": "exported_pdu.dst_port",
         "name": "frame.interface_name", "path": "frame.interface_description"}
PAYLOAD = "exported_pdu.exported_pdu"

IIS_HEAD = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2016-06-10 00:00:00\r\n"

# The fields change within a file; an address with a zone, a name where an address should be, and none.
IIS = (IIS_HEAD +
       "#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status\r\n"
       "2016-06-10 02:44:06 2001:db8::20 GET /a 443 fe80::f53d:89b8:c3e8:5fec%13 200\r\n"
       "2016-06-10 02:44:07 10.0.0.20 GET /b 8443 - 200\r\n" +
       IIS_HEAD +
       "#Fields: date time c-ip cs-method cs-uri-stem sc-status\r\n"
       "2016-06-10 23:59:59 client.contoso.com GET /c 200\r\n"
       "\r\n"
       "2016-06-11 00:00:00 192.0.2.10 GET /d 200")

# Fields, version and the first two lines as in Microsoft's KB820729.
HTTPERR = ("#Software: Microsoft HTTP API 2.0\r\n#Version: 1.0\r\n#Date: 2014-07-24 16:48:06\r\n"
           "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason"
           " s-queuename\r\n"
           "2014-07-24 16:48:06 192.168.137.113 53335 192.168.137.110 443 HTTP/1.1 GET /owa/ 400 - FieldLength -\r\n"
           "2014-07-24 16:48:07 2001:db8::a 53336 2001:db8::20 443 HTTP/1.1 GET /owa/ 400 - RequestLength -\r\n"
           "2014-07-24 16:48:08 192.168.137.113 53337 192.168.137.110 443 - - - - - Timer_ConnectionIdle -\r\n")

# A message over several lines with all that XML and the format itself use; local times west and east of Greenwich.
CMTRACE = ('<![LOG[Verify challenge returns <!DOCTYPE html>\r\n<title>403 - Forbidden</title>\r\na]b "quoted" ]LOG] > c'
           ']LOG]!><time="18:44:12.200+480" date="06-09-2016" component="NDESPlugin" context="" type="3" thread="2900"'
           ' file="ndesplugin.cpp:834">\r\n'
           '<![LOG[Grüße]LOG]!><time="04:44:51.035-120" date="6-10-2016" component="x" context="" type="1" thread="1"'
           ' file="">\r\n'
           '<![LOG[]LOG]!><time="02:44:52.1+000" date="06-10-2016" component="x" context="" type="1" thread="1"'
           ' file="">')

SVCLOG = "".join(
    '<E2ETraceEvent xmlns="http://schemas.microsoft.com/2004/06/E2ETraceEvent">'
    '<System xmlns="http://schemas.microsoft.com/2004/06/windows/eventlog/system"><EventID>0</EventID><Type>3</Type>'
    '<SubType Name="Information">0</SubType><Level>8</Level><TimeCreated SystemTime="{}" />'
    '<Source Name="CertificateRegistrationPoint" />'
    '<Correlation ActivityID="{{00000000-0000-0000-0000-000000000000}}" />'
    '<Execution ProcessName="NDESConnector" ProcessID="1" ThreadID="7" /><Channel /><Computer>NDES</Computer></System>'
    '<ApplicationData>{}</ApplicationData></E2ETraceEvent>{}'.format(*part) for part in (
        ("2016-06-10T02:44:12.1234567Z", "VerifyRequest Started.", ""),
        ("2016-06-10T04:44:12.5000000+02:00", "Exception: a &lt;b&gt;\r\n   at c", "\r\n"),
        ("2016-06-10T02:44:13.0000000Z", "VerifyRequest Finished with status True", "")))

# What looks like a log and is none: no file of these is ours.
FOREIGN = {
    "data.json": '{"log": "<![LOG[Calling VerifyRequest ...]LOG]!>", "software": "#Software: Microsoft"}\n',
    "data.xml": '<?xml version="1.0"?>\n<E2E><TraceEvent>#Fields: date time</TraceEvent></E2E>\n',
    "quotes.md": "# Software\n\n```\n" + IIS + "\n```\n",
    "quotes-cmtrace.md": "What NDESPlugin.log said:\n\n    " + CMTRACE + "\n",
    "pfirewall.log": "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n"
                     "#Fields: date time action protocol src-ip dst-ip src-port dst-port size\r\n\r\n"
                     "2016-06-10 02:44:06 ALLOW TCP 10.0.0.30 10.0.0.20 50001 443 0\r\n",
    "exchange.log": "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n"
                    "#Log-type: SMTP Receive Protocol Log\r\n#Fields: date-time,connector-id,session-id\r\n"
                    "2016-06-10T02:44:06.000Z,a,b\r\n",
    "access.log": '10.0.0.30 - - [10/Jun/2016:02:44:06 +0000] "GET /certsrv/mscep/mscep.dll HTTP/1.1" 200 31 "-" "-"\n',
    "passwd.txt": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "page.html": "<!DOCTYPE html>\n<html><body>&lt;![LOG[a]LOG]!&gt;</body></html>\n",
    "comments.sh": "#!/bin/sh\n#Fields: date time\n2016-06-10 02:44:06\n",
    "empty.log": "",
    "lines.log": "\r\n" * 100,
    "nothing.svclog": "<E2ETraceEven>\n",
}


def reference():
    """The published logs: (name, format, path)."""
    return [(f"{path.parent.name}/{path.name}", "iis" if path.name.startswith("u_ex") else "cmtrace", path)
            for path in sorted(REFERENCE.glob("*/*.log"))]


# name: (format, octets)
LOGS = {name: (form, path.read_bytes()) for name, form, path in reference()}
LOGS |= {"made/u_ex.log": ("iis", IIS.encode()), "made/httperr1.log": ("httperr", HTTPERR.encode()),
         "made/lines.log": ("cmtrace", CMTRACE.encode()), "made/connector.svclog": ("svclog", SVCLOG.encode()),
         "made/marked.log": ("cmtrace", b"\xef\xbb\xbf" + CMTRACE.encode()),
         "made/utf-16-le.log": ("cmtrace", b"\xff\xfe" + CMTRACE.encode("utf-16-le")),
         "made/utf-16-be.log": ("iis", b"\xfe\xff" + IIS.encode("utf-16-be"))}


# --- the logs as Python reads them ---

def nanoseconds(moment, fraction="", bias=0):
    """Of a time in UTC, or `bias` minutes before it; fraction: the digits behind the point."""
    seconds = int(moment.replace(tzinfo=datetime.timezone.utc).timestamp()) + 60 * bias
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def address(text):
    """An address without its zone; None for a name."""
    try:
        return str(ipaddress.ip_address((text or "-").partition("%")[0]))
    except ValueError:
        return None


def w3c_records(text):
    names = []
    for number, line in enumerate(re.split("\r?\n", text), 1):
        if line.startswith("#Fields: "):
            names = line.split(" ")[1:]
        elif line and not line.startswith("#"):
            values = dict(zip(names, line.split(" ")))
            moment = datetime.datetime.fromisoformat(f"{values['date']} {values['time']}")
            yield Record(number, nanoseconds(moment), address(values.get("c-ip")), address(values.get("s-ip")),
                         values.get("c-port"), values.get("s-port"), line)


def cmtrace_records(text):
    for match in re.finditer(r"<!\[LOG\[.*?\]LOG\]!><(.*?)>", text, re.DOTALL):
        said = dict(re.findall(r'(\w+)="(.*?)"', match.group(1)))
        month, day, year = map(int, said["date"].split("-"))
        # Windows' bias: UTC = local time + bias (TIME_ZONE_INFORMATION), in minutes.
        *clock, fraction, bias = re.fullmatch(r"(\d+):(\d+):(\d+)\.(\d+)([+-]\d+)?", said["time"]).groups()
        moment = datetime.datetime(year, month, day, *map(int, clock))
        yield Record(text.count("\n", 0, match.start()) + 1, nanoseconds(moment, fraction, int(bias or 0)),
                     text=match.group())


def svclog_records(text):
    for match in re.finditer(r"<E2ETraceEvent .*?</E2ETraceEvent>", text, re.DOTALL):
        second, fraction, zone = re.search(r'SystemTime="(.{19})\.(\d+)(Z|[+-]\d\d:\d\d)"', match.group()).groups()
        # ISO 8601: UTC = local time - offset.
        east = 0 if zone == "Z" else int(zone[:3]) * 60 + int(zone[0] + zone[4:])
        yield Record(text.count("\n", 0, match.start()) + 1,
                     nanoseconds(datetime.datetime.fromisoformat(second), fraction, -east), text=match.group())


READERS = {"iis": w3c_records, "httperr": w3c_records, "cmtrace": cmtrace_records, "svclog": svclog_records}


def decoded(octets):
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if octets.startswith(mark):
            return octets[len(mark):].decode(encoding)
    return octets.decode()


def records(name):
    form, octets = LOGS[name]
    return list(READERS[form](decoded(octets)))


def seconds(time):
    """As Wireshark prints frame.time_epoch."""
    return f"{time // 10**9}.{time % 10**9:09d}"


# --- the packets ---

class Opened:
    """A folder with logs, and captures made of them; lives as long as the case."""

    def __init__(self, run):
        self.run = run
        self.folder = Path(tempfile.mkdtemp(dir=run.own(run.scratch / "logs-open")))
        run.own(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def write(self, name, octets):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(octets)
        for part in (path.parent, path):
            part.chmod(0o755)
        return path

    def log(self, name):
        return self.write(name, LOGS[name][1])

    def made(self, name, program, *arguments):
        """What mergecap or editcap make of files: arguments as they are, with `{}` for what is made."""
        path = self.folder / name
        self.run.run(program, *(path if part == "{}" else part for part in arguments))
        return path

    def packets(self, path, way="single"):
        """Of each packet what SHOWN has, and its payload."""
        for frame in self.run.dissect(path, way, protocols=("frame", "exported_pdu")):
            fields = dict(frame.fields)
            packet = {key: next((fields[name] for name in ([names] if isinstance(names, str) else names)
                                 if name in fields), None) for key, names in SHOWN.items()}
            packet["payload"] = bytes.fromhex(fields.get(PAYLOAD, "").replace(":", ""))
            yield packet


def expected(record, form, path):
    """What the packet of a record shows."""
    return {"time": seconds(record.time), "format": form, "line": str(record.line), "client": record.client,
            "server": record.server, "client_port": record.client_port, "server_port": record.server_port,
            "name": path.name, "path": str(path)}


def differences(wanted, packets, texts, where):
    """Failure lines for packets that are not those of the records, with their texts."""
    if len(packets) != len(wanted):
        return [f"{where}: {len(packets)} packets, the log has {len(wanted)} records"]
    lines = []
    for number, (want, packet, text) in enumerate(zip(wanted, packets, texts), 1):
        lines += [f"{where}, packet {number}: {key}\n      expected {want[key]!r}\n      got      {packet[key]!r}"
                  for key in want if packet[key] != want[key]]
        if not packet["payload"].decode().endswith(text):
            lines.append(f"{where}, packet {number}: the payload does not end with the record\n"
                         f"      record  {text!r}\n      payload {packet['payload'].decode()!r}")
    return lines


def check_log(opened, name, path, **changes):
    """A log and its packets, in every way; changes: what the packets show instead."""
    form, lines = LOGS[name][0], []
    wanted = [expected(record, form, path) | changes for record in records(name)]
    for way in WAYS:
        lines += differences(wanted, list(opened.packets(path, way)), [record.text for record in records(name)],
                             f"{name}, {way}")
    return lines


# --- the units ---

def records_of(opened, name):
    return check_log(opened, name, opened.log(name))


def compressed(opened):
    """gzip, whole, and cut off within a record."""
    name = "crp/CRP.log"
    lines = check_log(opened, name, opened.write("CRP.log.gz", gzip.compress(LOGS[name][1])))

    # Nothing in it repeats itself, so that half of the file holds many records.
    noise = random.Random(1)
    text = "".join(f'<![LOG[{noise.randbytes(40).hex()}]LOG]!><time="02:44:12.000+000" date="06-10-2016" component="x"'
                   ' context="" type="1" thread="1" file="">\r\n' for _ in range(3000))
    octets = gzip.compress(text.encode())
    octets = octets[:len(octets) // 2]
    # The record in which the file ends is none.
    there = zlib.decompressobj(wbits=31).decompress(octets).count(b"\r\n")
    path = opened.write("cut.log.gz", octets)
    for passes in ([], ["-2"]):
        done = opened.run.attempt("tshark", "-n", "-r", path, *passes)
        if len(done.stdout.splitlines()) != there or done.returncode == 0 or b"cut short" not in done.stderr:
            lines.append(f"cut off, {passes}: {len(done.stdout.splitlines())} packets of {there}, exit code "
                         f"{done.returncode}, {done.stderr.decode()!r}")
    return lines


def from_a_pipe(opened):
    name = "ndes/u_ex160610.log"
    command = ("-n", "-T", "fields", "-e", "frame.time_epoch", "-e", SHOWN["line"])
    got = opened.run.run("tshark", "-r", "-", *command, text_in=decoded(LOGS[name][1])).stdout.decode().splitlines()
    want = [f"{seconds(record.time)}\t{record.line}" for record in records(name)]
    return [] if got == want else [f"expected {want}\n      got      {got}"]


def merged(opened):
    """The four logs and a capture whose clock is set to the time of the logs."""
    first = opened.run.tshark(CAPTURE, "-c", "1", "-T", "fields", "-e", "frame.time_epoch").decode().strip()
    start = datetime.datetime(2016, 6, 10, 2, 44, 12, 50000, datetime.timezone.utc).timestamp()
    capture = opened.made("capture.pcapng", "editcap", "-t", f"{start - float(first):.9f}",
                          opened.run.readable(CAPTURE), "{}")
    logs = {name: opened.log(name) for name, _, _ in reference()}
    path = opened.made("all.pcapng", "mergecap", "-w", "{}", capture, *logs.values())
    alone = list(opened.packets(capture))
    lines = []
    for way in WAYS:
        packets = list(opened.packets(path, way))
        for name, log in logs.items():
            wanted = [expected(record, LOGS[name][0], log) for record in records(name)]
            lines += differences(wanted, [packet for packet in packets if packet["path"] == str(log)],
                                 [record.text for record in records(name)], f"{name} in the merged file, {way}")
        rest = [packet for packet in packets if packet["path"] not in map(str, logs.values())]
        if [packet["time"] for packet in rest] != [packet["time"] for packet in alone]:
            lines.append(f"{way}: {len(rest)} packets of the capture, {len(alone)} before, or at other times")
        times = [float(packet["time"]) for packet in packets]
        if times != sorted(times):
            lines.append(f"{way}: not in the order of time")
        if not packets[0]["format"] or not packets[-1]["format"]:
            lines.append(f"{way}: the capture does not lie among the logs, so their order says nothing")
    return lines + elsewhere(opened, path, next(iter(logs.values())))


def elsewhere(opened, path, log):
    """Without the file reader, or without any of our plugins, the merged file is the same; a log is refused."""
    names = [name for names in SHOWN.values() for name in ([names] if isinstance(names, str) else names)]
    command = ("-T", "fields", *(part for name in names + [PAYLOAD] for part in ("-e", name)))
    here, lines = opened.run.tshark(path, *command), []
    for plugins in ("without-reader", "without"):
        if opened.run.tshark(path, *command, plugin=plugins) != here:
            lines.append(f"{plugins}: the merged file has other packets")
        done = opened.run.attempt("tshark", "-r", log, plugin=plugins)
        if done.returncode == 0 or done.stdout or b"isn't a capture file" not in done.stderr:
            lines.append(f"{plugins}: {log.name} is not refused: {done.stdout[:200]} {done.stderr[-200:]}")
    return lines


def one_name(opened):
    """Two machines' logs of one name stay two interfaces."""
    logs = [opened.log("ndes/u_ex160610.log"), opened.log("crp/u_ex160610.log")]
    path = opened.made("two.pcapng", "mergecap", "-w", "{}", *logs)
    wanted = {(str(log), str(record.line)) for log, name in zip(logs, ("ndes/u_ex160610.log", "crp/u_ex160610.log"))
              for record in records(name)}
    got = {(packet["path"], packet["line"]) for packet in opened.packets(path)}
    return [] if got == wanted else [f"expected {sorted(wanted)}\n      got      {sorted(got)}"]


def shifted(opened):
    """editcap -t, for a log whose clock is not UTC."""
    name, lines = "crp/CRP.log", []
    texts = [record.text for record in records(name)]
    for shift in (18000, -0.25):
        log = opened.log(name)
        path = opened.made("shifted.pcapng", "editcap", "-t", str(shift), log, "{}")
        wanted = [expected(record, "cmtrace", log) | {"time": seconds(record.time + int(shift * 10**9))}
                  for record in records(name)]
        lines += differences(wanted, list(opened.packets(path)), texts, f"{shift} s")
    return lines


def many(opened):
    """A log in which a record is found again from marks within the file, with fields that change."""
    text, wanted = IIS_HEAD, []
    for number in range(2000):
        if number % 700 == 0:
            text += f"#Fields: date time cs-uri-stem {('c-ip', 's-ip', 'c-ip')[number // 700]} sc-status\r\n"
        text += f"2016-06-10 {number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d} /{number} 192.0.2.1 200\r\n"
    LOGS["made/many.log"] = ("iis", text.encode())
    return check_log(opened, "made/many.log", opened.log("made/many.log"))


def long_record(opened):
    """More than a packet may hold: nothing of it is lost, and the file can be written."""
    message = "x" * 600000
    log = opened.write("long.log", f'<![LOG[{message}]LOG]!><time="02:44:12.000+000" date="06-10-2016" component="a"'
                                   ' context="" type="1" thread="1" file="">\r\n'.encode() + LOGS["crp/CRP.log"][1])
    lines = []
    for path in (log, opened.made("long.pcapng", "mergecap", "-w", "{}", log)):
        fields = opened.run.tshark(path, "-T", "fields", "-e", PAYLOAD).decode().split()
        payloads = [bytes.fromhex(field) for field in fields]
        # Other x are in what stands before and behind the message.
        there = sum(map(len, re.findall(b"x{100,}", b"".join(payloads))))
        if there != len(message):
            lines.append(f"{path.name}: {there} octets of a message that has {len(message)}")
        after = [record.text for record in records("crp/CRP.log")]
        if not all(payload.decode().endswith(text) for payload, text in zip(payloads[-len(after):], after)):
            lines.append(f"{path.name}: the records after it are not those of the log")
    return lines


def refused(opened):
    """A log that cannot be read says so, in every program."""
    path = opened.write("fragment.log", IIS_HEAD.encode() + b"2016-06-10 02:44:06 10.0.0.20 GET /a - 443 200\r\n")
    lines = []
    for program in (("tshark", "-r"), ("capinfos",), ("mergecap", "-w", opened.folder / "no.pcapng")):
        done = opened.run.attempt(*program, path)
        if done.returncode == 0 or b"#Fields" not in done.stderr:
            lines.append(f"{program[0]}: exit code {done.returncode}, does not say what is missing: {done.stderr}")
    return lines


def foreign(opened):
    """What is not ours is opened, or refused, as without the file reader."""
    files = [opened.write(name, text.encode()) for name, text in FOREIGN.items()]
    capture = opened.run.readable(CAPTURE)
    files += [capture, opened.made("a.pcap", "editcap", "-F", "pcap", capture, "{}")]
    lines = []
    for path in files:
        ours, plain = (opened.run.attempt("tshark", "-n", "-r", path, plugin=plugins)
                       for plugins in ("with", "without-reader"))
        if (ours.returncode, ours.stdout, ours.stderr) != (plain.returncode, plain.stdout, plain.stderr):
            lines.append(f"{path.name}: exit code {ours.returncode}, without the reader {plain.returncode}: "
                         f"{ours.stdout[:200]} {ours.stderr[-200:]}")
    return lines


UNITS = {"compressed": compressed, "from a pipe": from_a_pipe, "merged": merged, "one name": one_name,
         "shifted": shifted, "many records": many, "long record": long_record, "refused": refused, "foreign": foreign}


def units(run, folder):
    return list(LOGS) + list(UNITS)


def check(run, folder, unit):
    with Opened(run) as opened:
        return UNITS[unit](opened) if unit in UNITS else records_of(opened, unit)
