# SPDX-License-Identifier: GPL-2.0-or-later
"""Every value of every record of a log is a field of its type with its octets, in each way of dissecting, whether the log
is opened or comes as packets of a capture file; what follows from the values is what the log's own text says, read by
Python. Info columns are the sentences that are written here by hand."""

import base64
import datetime
import json
import random
import re
import struct
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

import oracle
from harness import SAMPLES, WAYS, compare

REFERENCE = SAMPLES / "logs" / "reference"

# A value that is expected, with its source, as compare() takes it; `octets`: as it stands in the log, or None.
Fact = namedtuple("Fact", "field value road octets", defaults=(None,))

# --- logs ---

# A CertPoll, short enough for a query.
POLL = SAMPLES / "made-pending-poll" / "truth" / "04-request.p7m"

WINDOWS = "Mozilla/4.0+(compatible;+Win32;+NDES+client+10.0.19041.746/vb_release_svc_prod1)"
NDES, CONNECTOR = "/certsrv/mscep/mscep.dll/pkiclient.exe", "/CertificateRegistrationSvc/Certificate"

# Lines of Microsoft's articles on NDES ("500 0 1346", "403 16 2148204809"), others made after its lists of codes: what was
# asked, user agent, what was answered.
IIS_LINES = [
    ("GET /certsrv/mscep/mscep.dll operation=GetCACert&message=SCEP%20Authority",
     "profiled/1.0+CFNetwork/811.5.4+Darwin/16.6.0", "500 0 1346 31"),
    (f"POST {CONNECTOR}/VerifyRequest -", "NDES_Plugin", "403 16 2148204809 453"),
    (f"POST {CONNECTOR}/Notify -", "NDES_Plugin", "204 0 0 62"),
    (f"GET {NDES} operation=GetCACaps&message=default", WINDOWS, "200 0 0 15"),
    (f"GET {NDES} ...", WINDOWS, "404 15 0 0"),
    (f"GET {NDES} operation=PKIOperation&message={{poll}}", WINDOWS, "200 0 64 61000"),
    ("GET /certsrv/mscep/mscep.dll -", "Mozilla/5.0", "403 0 0 2"),
    ("GET /owa/ challenge=8F3A17C2E9B04D56", "-", "200 0 0 12"),
    ("- - -", "-", "- - - -"),
]

# Fields, version and the first line as in Microsoft's KB820729 and KB2988444; its reasons.
HTTPERR_FIELDS = "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename"
HTTPERR_LINES = [
    "192.168.137.113 53335 192.168.137.110 443 HTTP/1.1 GET /owa/ 400 - FieldLength -",
    f"2001:db8::a 53336 2001:db8::20 443 HTTP/1.1 GET {NDES}?operation=PKIOperation&message=MIIK 400 - RequestLength -",
    f"10.0.0.20 49752 10.0.0.40 443 HTTP/1.1 POST {CONNECTOR}/VerifyRequest - 1 Timer_SslRenegotiation CRP",
    "fe80::1%13 53337 fe80::2%13 443 - - - - - Timer_ConnectionIdle -",
]

# The Info columns of web servers' lines: what an administrator should read. Status and time-taken are the line's last
# columns; 64 is ERROR_NETNAME_DELETED, 1346 ERROR_BAD_IMPERSONATION_LEVEL, 2148204809 is 0x800b0109, CERT_E_UNTRUSTEDROOT
# (winerror.h); substatus and reasons as Microsoft's lists have them. No query, which may hold a secret.
SENTENCES = {
    "ndes/u_ex160610.log": [
        "NDES answered GetCACert with 200 after 0 ms",
        "NDES answered GetCACaps with 200 after 31 ms",
        "NDES answered GetCACaps with 200 after 13 ms",
        "NDES answered GetCACert with 200 after 1 ms",
        "NDES answered PKIOperation with 200 after 502 ms",
    ],
    "crp/u_ex160610.log": [
        "CRP answered VerifyRequest with 201 after 349 ms",
        "CRP answered Notify with 204 after 102 ms",
    ],
    "made/u_ex160610.log": [
        "IIS refused GetCACert: 500, Win32 1346 ERROR_BAD_IMPERSONATION_LEVEL (bad impersonation level), after 31 ms",
        "IIS refused VerifyRequest: 403.16 (the client certificate is not trusted, or invalid), HRESULT 0x800b0109"
        " CERT_E_UNTRUSTEDROOT (root not trusted), after 453 ms",
        "CRP answered Notify with 204 after 62 ms",
        "NDES answered GetCACaps with 200 after 15 ms",
        "IIS refused PKIOperation: 404.15 (the query is too long for request filtering), after 0 ms",
        "NDES answered PKIOperation with 200, Win32 64 ERROR_NETNAME_DELETED (the client was gone), after 61.0 s",
        "GET /certsrv/mscep/mscep.dll 403 after 2 ms",
        "GET /owa/ 200 after 12 ms",
        "Nothing said",
        "GET / 400",
    ],
    "made/httperr1.log": [
        "HTTP.sys refused GET /owa/ with 400: FieldLength (a header field is too long)",
        "HTTP.sys refused PKIOperation with 400: RequestLength (the request is too long)",
        "HTTP.sys gave up VerifyRequest: Timer_SslRenegotiation (the TLS renegotiation, in which a client certificate is"
        " asked for, took too long)",
        "HTTP.sys closed a connection: Timer_ConnectionIdle (the connection was idle: the usual end of keep-alive)",
    ],
}

# Who writes, in the Protocol column of messages.
WRITERS = {"NDESPlugin": "NDESPlugin", "CertificateRegistrationPoint": "CRP"}

DEVICE, USER = "38fdb94d-db5c-468d-b8d6-37aff538e934", "4514c247-96e3-4c6e-9d60-806ac5fa7e2f"
PAGE = ('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\r\n'
        "<title>403 - Forbidden: Access is denied.</title>\r\n<h2>403</h2>")

# What a message tells (event, status, code, device, user, title of a page) and its sentence where it is not the message
# itself. The reference logs first: Microsoft's troubleshooting article says what each of their lines is. Then failures as
# its articles on the policy module and the registration point have them.
TOLD = {
    "Calling VerifyRequest ...": {"event": "verify-request-begin"},
    "Sending request to certificate registration point.": {"event": "request-sent"},
    "Verify challenge returns true": {"event": "verify-request-answer", "status": True},
    "Exiting VerifyRequest with 0x0": {"event": "verify-request-end", "code": 0},
    "Calling Notifyrequest ...": {"event": "notify-begin"},
    "Exiting Notify with 0x0": {"event": "notify-end", "code": 0},
    "Reading Template Permission Check from registry.": {},
    "Validation Phase 1 started.": {"event": "phase-1-begin"},
    "Validation Phase 1 finised with status True.": {"event": "phase-1-end", "status": True},
    "Validation Phase 2 started for device and user .": {"event": "phase-2-begin"},
    "Validation Phase 2 finished.": {"event": "phase-2-end"},
    f"Validation Phase 3 started for device {DEVICE} and user {USER}.":
        {"event": "phase-3-begin", "device": DEVICE, "user": USER},
    "Get Challenge Parameters from DB using query: Execute CRP_VerifyRequestParameters @vchCertificateRequestID = "
    "'ModelName=ScopeId_DEF1415D-2304-49FD-962C-92B560F126A4/ConfigurationPolicy_82ad9d8e-228e-4048-a598-d8a60c0ab996;"
    f"Version=1;Hash=-1580759952', @vchDeviceID = '{DEVICE}', @vchUserID = '{USER}', @DeviceType = 1":
        {"event": "challenge-query", "device": DEVICE, "user": USER},
    "Validation Phase 3 finished with status True.": {"event": "phase-3-end", "status": True},
    "VerifyRequest Finished with status True": {"event": "verify-request-end", "status": True},
    "Notify Started.": {"event": "notify-begin"},
    "Beginning state message creation...": {"event": "state-message-begin"},
    "Retrieveing the CRP certificate": {},
    "Retrieving the GWP or MP certificate.": {},
    "Sending Success state message": {},
    r"StateMessage C:\Program Files\Microsoft Configuration Manager\inboxes\auth\statesys.box\incoming\csq5f2dte2d.SMX is "
    "dropped.": {"event": "state-message-written"},
    "Successfully sent state message": {"event": "state-message-end"},
    "Notify Finished.": {"event": "notify-end"},

    "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID":
        {"event": "tls-failure",
         "sentence": "Warning: WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID (the server's certificate is for another name)"},
    f"Failed to send http request {CONNECTOR}/VerifyRequest. Error 12175":
        {"event": "request-failed", "code": 12175,
         "sentence": f"Error: Failed to send http request {CONNECTOR}/VerifyRequest. Error 12175"
                     " (ERROR_WINHTTP_SECURE_FAILURE, TLS failure)"},
    f"Verify challenge returns {PAGE}":
        {"event": "verify-request-answer", "title": "403 - Forbidden: Access is denied.",
         "sentence": "Error: Verify challenge returns a page of HTML: 403 - Forbidden: Access is denied."},
    "Verify challenge returns false": {"event": "verify-request-answer", "status": False},
    "Exiting VerifyRequest with 0x80070005":
        {"event": "verify-request-end", "code": 0x80070005,
         "sentence": "Exiting VerifyRequest with 0x80070005 (E_ACCESSDENIED, access denied)"},
    "challenge password: 8F3A17C2E9B04D56": {"sentence": "challenge password: [hidden]"},
    "Grüße\r\n\tof two lines": {"sentence": "Grüße of two lines"},

    "VerifyRequest Started.": {"event": "verify-request-begin"},
    "Validation Phase 1 finished with status False.": {"event": "phase-1-end", "status": False},
    "VerifyRequest Finished with status False": {"event": "verify-request-end", "status": False},
    "Cryptography Exception: System.Security.Cryptography.CryptographicException: m_safeCertContext is an invalid handle."
    "\n   at Helper.ValidateChallenge(String base64Encodedtoken, Dictionary<String,String> parameters)":
        {"event": "exception",
         "sentence": "Error: Cryptography Exception: System.Security.Cryptography.CryptographicException: m_safeCertContext is"
                     " an invalid handle. at Helper.ValidateChallenge(String base64Encodedtoken,"
                     " Dictionary<String,String> parameters)"},
    "Subject Name in CSR CN=a & b and challenge CN=a do not match":
        {"event": "request-mismatch",
         "sentence": "Error: Subject Name in CSR CN=a & b and challenge CN=a do not match"},
}

# Messages with CMTrace's type (1 information, 2 warning, 3 error).
CMTRACE_LINES = [
    (2, "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID"),
    (3, f"Failed to send http request {CONNECTOR}/VerifyRequest. Error 12175"),
    (3, f"Verify challenge returns {PAGE}"),
    (1, "Verify challenge returns false"),
    (1, "Exiting VerifyRequest with 0x80070005"),
    (1, "challenge password: 8F3A17C2E9B04D56"),
    (1, "Grüße\r\n\tof two lines"),
]

# Messages with Level and SubType, numbers and names of .NET's TraceEventType.
SVCLOG_LINES = [
    (8, "Information", "VerifyRequest Started."),
    (8, "Information", "Validation Phase 1 finished with status False."),
    (2, "Error", "Cryptography Exception: System.Security.Cryptography.CryptographicException: m_safeCertContext is an "
                 "invalid handle.\n   at Helper.ValidateChallenge(String base64Encodedtoken, Dictionary<String,String> "
                 "parameters)"),
    (2, "Error", "Subject Name in CSR CN=a & b and challenge CN=a do not match"),
    (8, "Information", "VerifyRequest Finished with status False"),
]


def made_iis():
    # '+' and '/' stand as they are in what some clients send, '=' escaped (RFC 3986).
    poll = urllib.parse.quote(base64.b64encode(POLL.read_bytes()).decode(), safe="+/")
    lines = [f"2016-06-10 02:44:{number:02} 10.0.0.20 {asked.format(poll=poll)} 443 - 10.0.0.30 {agent} - {told}"
             for number, (asked, agent, told) in enumerate(IIS_LINES)]
    # Fields that are off by default and some that are the site's own, in another order.
    more = ["#Fields: date time X-Forwarded-For s-sitename s-computername cs-version cs-host cs(Cookie) sc-bytes cs-bytes"
            " cs-method cs-uri-stem sc-status crypt-protocol",
            "2016-06-10 02:45:00 192.0.2.10,+10.0.0.1 W3SVC1 NDES1 HTTP/1.1 scep.contoso.com a=b;+c=d 4294967296 1 GET / 400"
            " 400"]
    head = ["#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0", "#Date: 2016-06-10 02:44:00"]
    fields = ["#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer)"
              " sc-status sc-substatus sc-win32-status time-taken"]
    return "\r\n".join(head + fields + lines + head + more) + "\r\n"


def made_httperr():
    lines = [f"2014-07-24 16:48:{number:02} {line}" for number, line in enumerate(HTTPERR_LINES)]
    return "\r\n".join(["#Software: Microsoft HTTP API 2.0", "#Version: 1.0", "#Date: 2014-07-24 16:48:00",
                        "#Fields: " + HTTPERR_FIELDS] + lines) + "\r\n"


def made_cmtrace():
    return "\r\n".join(
        f'<![LOG[{message}]LOG]!><time="04:44:{number:02}.035-120" date="6-10-2016" component="NDESPlugin" context=""'
        f' type="{kind}" thread="2900" file="ndesplugin.cpp:{number}">'
        for number, (kind, message) in enumerate(CMTRACE_LINES))


def made_svclog():
    escape = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    return "".join(
        '<E2ETraceEvent xmlns="http://schemas.microsoft.com/2004/06/E2ETraceEvent">'
        '<System xmlns="http://schemas.microsoft.com/2004/06/windows/eventlog/system"><EventID>0</EventID><Type>3</Type>'
        f'<SubType Name="{kind}">0</SubType><Level>{level}</Level>'
        f'<TimeCreated SystemTime="2016-06-10T04:44:{number:02}.1234567+02:00" />'
        '<Source Name="CertificateRegistrationPoint" />'
        '<Correlation ActivityID="{11111111-2222-3333-4444-555555555555}" />'
        f'<Execution ProcessName="w3wp" ProcessID="4711" ThreadID="{number}" /><Channel /><Computer>NDES1</Computer></System>'
        f'<ApplicationData>{"".join(escape.get(c, c) for c in message)}</ApplicationData></E2ETraceEvent>'
        for number, (level, kind, message) in enumerate(SVCLOG_LINES))


def logs():
    """name: (format, text)"""
    found = {f"{path.parent.name}/{path.name}": ("iis" if path.name.startswith("u_ex") else "cmtrace",
                                                 path.read_bytes().decode())
             for path in sorted(REFERENCE.glob("*/*.log"))}
    return found | {"made/u_ex160610.log": ("iis", made_iis()), "made/httperr1.log": ("httperr", made_httperr()),
                    "made/NDESPlugin.log": ("cmtrace", made_cmtrace()), "made/connector.svclog": ("svclog", made_svclog())}


# --- the logs as Python reads them ---

# Fields of numbers, durations and so on; all others are text.
NUMBERS = {"line", "s_port", "c_port", "sc_status", "sc_substatus", "sc_win32_status", "sc_bytes", "cs_bytes", "streamid",
           "s_siteid", "type", "thread", "code", "event_id", "level", "process_id", "thread_id"}
DURATIONS, BOOLEANS, TIMES = {"time_taken"}, {"status", "query_cut"}, {"start", "time_created"}

# Columns whose fields are not called like them, with '-' as '_'.
RENAMED = {"cs(User-Agent)": "cs_user_agent", "cs(Referer)": "cs_referer", "cs(Cookie)": "cs_cookie", "EventID": "event_id",
           "Type": "type", "SubType": "subtype", "Level": "level", "TimeCreated": "time_created", "Source": "source",
           "ActivityID": "activity_id", "ProcessName": "process_name", "ProcessID": "process_id", "ThreadID": "thread_id",
           "Channel": "channel", "Computer": "computer"}
# The fields that "W3C Logging" of the IIS documentation lists and KB820729, beside those that are renamed.
W3C = {"date", "time", "s-sitename", "s-computername", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port",
       "cs-username", "c-ip", "c-port", "cs-version", "cs-host", "cs-uri", "sc-status", "sc-substatus", "sc-win32-status",
       "sc-bytes", "cs-bytes", "time-taken", "s-siteid", "s-reason", "s-queuename"}

OPERATIONS = {"getcacaps", "getcacert", "getnextcacert", "pkioperation"}
PRODUCTS = {"CMCertificateRegistration": "ConfigMgr", "CertificateRegistrationSvc": "Intune connector"}
# How the plugin words the meaning of statuses and reasons is its own: see the sentences.
WORDED = ("status_meaning", "reason_meaning")

# A record as Python reads it: where it is in the file, itself, and what is expected of it.
Record = namedtuple("Record", "line fields text time facts")


def words(text):
    """Text with a blank for any space: an XML attribute does not tell them apart. That lines are kept, the octets show."""
    return re.sub(r"\s+", " ", text)


def typed(name, value):
    """A value of the log as its field has it."""
    return int(value) if name in NUMBERS else int(value) / 1000 if name in DURATIONS else words(value)


def column(form, name, value, known):
    if not known:
        return Fact(f"{form}.column", f"{name}: {value}", f"column {name}", value)
    field = RENAMED.get(name, name.replace("-", "_"))
    return Fact(f"{form}.{field}", typed(field, value), f"column {name}", value)


def utc(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp()) * 10**9


def asked_facts(form, said):
    """What a request is, by its path and query (RFC 8894 4.1; Microsoft's documentation of the registration point)."""
    target = said.get("cs-uri") or "?".join(said[name] for name in ("cs-uri-stem", "cs-uri-query") if said.get(name))
    path, _, query = target.partition("?")
    call = re.fullmatch(r"/(\w+)/Certificate/(VerifyRequest|Notify)", path)
    if call:
        yield Fact(f"{form}.crp.call", call[2], "the path's last part")
        yield Fact(f"{form}.crp.product", PRODUCTS[call[1]], "the path's first part")
    if query == "...":
        yield Fact(f"{form}.query_cut", True, "KB2809913")
        yield Fact(f"{form}.scep.operation", "PKIOperation", "no other is longer than 4096 octets")
    parameters = dict(part.partition("=")[::2] for part in query.split("&"))
    operation = parameters.get("operation", "")
    if operation.lower() not in OPERATIONS:
        return
    yield Fact(f"{form}.scep.operation", operation, "operation")
    if operation != "PKIOperation":
        yield Fact(f"{form}.scep.message", urllib.parse.unquote(parameters["message"]), "message")
    elif form == "iis":
        # openssl's reading of what the query holds.
        message = base64.b64decode(urllib.parse.unquote(parameters["message"]))
        assert message == POLL.read_bytes()
        exchange = json.loads(POLL.with_name("exchanges.json").read_text())[3]
        yield from (Fact("iis.scep.transaction_id", fact.value, fact.road)
                    for fact in oracle.request_message(exchange, POLL.parent, [], False)
                    if fact.field == "scep.transaction_id")


def w3c_records(form, text):
    names = None
    for number, line in enumerate(text.split("\r\n") if "\r\n" in text else text.split("\n"), 1):
        if line.startswith("#Fields: "):
            names = line[len("#Fields: "):]
        if not line or line.startswith("#"):
            continue
        columns = [(name, value) for name, value in zip(names.split(" "), line.split(" ")) if value != "-"]
        said = dict(columns)
        facts = [Fact(f"{form}.line", number, "line of the file"), Fact(f"{form}.fields", names, "#Fields")]
        facts += [column(form, name, value, name in W3C or name in RENAMED) for name, value in columns]
        end = utc(f"{said['date']} {said['time']}")
        if "time-taken" in said:
            facts.append(Fact(f"{form}.start", end - int(said["time-taken"]) * 10**6, "time less time-taken"))
        facts += asked_facts(form, said)
        if int(said.get("sc-status", 0)) >= 400 and any(".scep." in fact.field or ".crp." in fact.field for fact in facts):
            facts.append(Fact(f"{form}.failure", "", "a refused request of SCEP or to a registration point is an error"))
        yield Record(number, names, line, end, facts)


def message_facts(form, message, is_error, is_warning):
    facts = [Fact(f"{form}.{name.replace('title', 'http_title')}", value, "by hand") for name, value in TOLD[message].items()
             if name != "sentence"]
    if is_error or is_warning:
        facts.append(Fact(f"{form}.{'failure' if is_error else 'warning'}", "", "its type"))
    return facts


def cmtrace_records(form, text):
    pattern = r'<!\[LOG\[(.*?)\]LOG\]!><((?:\w+="[^"]*" ?)+)>'
    for match in re.finditer(pattern, text, re.DOTALL):
        said = re.findall(r'(\w+)="([^"]*)"', match[2])
        month, day, year = dict(said)["date"].split("-")
        clock, fraction, bias = re.fullmatch(r"([\d:]+)\.(\d+)([+-]\d+)?", dict(said)["time"]).groups()
        # Windows' bias: UTC is local time plus bias, in minutes (TIME_ZONE_INFORMATION).
        time = utc(f"{year}-{month:0>2}-{day:0>2} {clock}") + int(fraction.ljust(9, "0")) + int(bias or 0) * 60 * 10**9
        line = text.count("\n", 0, match.start()) + 1
        facts = [Fact("cmtrace.line", line, "line of the file"),
                 Fact("cmtrace.message", words(match[1]), "between [LOG[ and ]LOG]", match[1])]
        facts += [column(form, name, value, True) for name, value in said]
        facts += message_facts(form, match[1], dict(said)["type"] == "3", dict(said)["type"] == "2")
        yield Record(line, None, match[0], time, facts)


def svclog_records(form, text):
    paths = {"EventID": ("EventID", None), "Type": ("Type", None), "SubType": ("SubType", "Name"), "Level": ("Level", None),
             "Source": ("Source", "Name"), "ActivityID": ("Correlation", "ActivityID"),
             "ProcessName": ("Execution", "ProcessName"), "ProcessID": ("Execution", "ProcessID"),
             "ThreadID": ("Execution", "ThreadID"), "Computer": ("Computer", None)}
    space = "{http://schemas.microsoft.com/2004/06/windows/eventlog/system}"
    for match in re.finditer("<E2ETraceEvent.*?</E2ETraceEvent>", text, re.DOTALL):
        event = ElementTree.fromstring(match[0])
        system, data = event[0], event[1]
        line = text.count("\n", 0, match.start()) + 1
        escaped = re.search("<ApplicationData>(.*?)</ApplicationData>", match[0], re.DOTALL)[1]
        facts = [Fact("svclog.line", line, "line of the file"),
                 Fact("svclog.message", words(data.text), "ApplicationData", escaped if escaped == data.text else None)]
        for name, (element, attribute) in paths.items():
            found = system.find(space + element)
            facts.append(column(form, name, found.get(attribute) if attribute else found.text, True))
        created = system.find(space + "TimeCreated").get("SystemTime")
        clock, fraction, hours = re.fullmatch(r"(.*)\.(\d+)\+(\d\d):00", created).groups()
        time = utc(clock.replace("T", " ")) + int(fraction.ljust(9, "0")) - int(hours) * 3600 * 10**9
        facts.append(Fact("svclog.time_created", time, "SystemTime less its distance from UTC", created))
        level = int(system.find(space + "Level").text)
        facts += message_facts(form, data.text, level in (1, 2), level == 4)
        yield Record(line, None, match[0], time, facts)


READERS = {"iis": w3c_records, "httperr": w3c_records, "cmtrace": cmtrace_records, "svclog": svclog_records}


# --- the records as packets ---

def block(kind, body):
    """A block of pcapng (draft-ietf-opsawg-pcapng 3.1)."""
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(packets):
    """A capture of exported PDUs: (ns since 1970, octets that were on the wire, octets)."""
    # Section; an interface of LINKTYPE_WIRESHARK_UPPER_PDU (252) with times in ns (if_tsresol 9).
    blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
              block(1, struct.pack("<HHI", 252, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))]
    for time, length, octets in packets:
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(octets), length)
        blocks.append(block(6, head + octets))
    return b"".join(blocks)


def exported(form, payload):
    """An exported PDU for a dissector by its name: tag 12, then the end tag (wsutil/exported_pdu_tlvs.h)."""
    name = form.encode() + bytes(-len(form) % 4)
    return struct.pack(">HH", 12, len(name)) + name + bytes(4) + payload


def described(record):
    """A record as text by itself: directives, then the record (captures/logfile/logfile.h)."""
    fields = f"#Fields: {record.fields}\n" if record.fields else ""
    return f"#Line: {record.line}\n{fields}{record.text}".encode()


def capture_of(form, records):
    payloads = [exported(form, described(record)) for record in records]
    return pcapng((record.time, len(payload), payload) for record, payload in zip(records, payloads))


# --- what is shown ---

def nanoseconds(text):
    """Of the two ways in which releases print a time in UTC."""
    plain, fraction = re.fullmatch(r"(.*?)(?:\.(\d+))? ?(?:UTC|Z|\+0000)?", text).groups()
    form = "%b %d, %Y %H:%M:%S" if plain[0].isalpha() else "%Y-%m-%d %H:%M:%S"
    moment = datetime.datetime.strptime(plain.replace("T", " "), form).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int((fraction or "").ljust(9, "0"))


def shown_value(name, text):
    if name in NUMBERS:
        return int(text, 0)
    if name in DURATIONS:
        return float(text)
    if name in TIMES:
        return nanoseconds(text)
    return {"1": True, "0": False, "True": True, "False": False}[text] if name in BOOLEANS else words(text)


def shown_fields(form, frame):
    pairs = [(field, field.partition(".")[2], text) for field, text in frame.fields if field.startswith(form + ".")]
    return [(field, shown_value(name, text)) for field, name, text in pairs if name not in WORDED]


def compare_fields(run, capture, way, form, records):
    frames = run.dissect(capture, way, protocols=(form,))
    if len(frames) != len(records):
        return [f"{way}: {len(frames)} packets, expected {len(records)}"]
    return [line for frame, record in zip(frames, records)
            for line in compare([fact[:3] for fact in record.facts], shown_fields(form, frame),
                                f"{way}, line {record.line}")]


def compare_octets(run, capture, form, records):
    """The octets of each value are those of the log."""
    root = ElementTree.fromstring(run.tshark(capture, "-T", "pdml", "-J", form))
    lines = []
    for packet, record in zip(root.iter("packet"), records):
        tree = next(proto for proto in packet.iter("proto") if proto.get("name") == form)
        shown = [(field.get("name"), bytes.fromhex(field.get("value", "")).decode()) for field in tree.iter("field")]
        lines += [f"line {record.line}: {fact.field} stands for no {fact.octets!r} in the packet"
                  for fact in record.facts if fact.octets and (fact.field, fact.octets) not in shown]
    return lines


def columns(run, capture):
    """Protocol and Info of each packet."""
    rows = run.tshark(capture, "-o", 'gui.column.format:"Protocol","%p","Info","%i"').decode().splitlines()
    # tshark separates columns by a blank, and fills up the first.
    return [tuple(row.strip().split(None, 1)) for row in rows]


# --- units ---

def compare_columns(run, name, capture, form, records):
    if name in SENTENCES:
        expected = [(form.upper(), sentence) for sentence in SENTENCES[name]]
    else:
        said = [{fact.field.partition(".")[2]: fact.value for fact in record.facts} for record in records]
        told = {words(message): facts for message, facts in TOLD.items()}
        expected = [(WRITERS[record.get("component") or record["source"]],
                     told[record["message"]].get("sentence", record["message"])) for record in said]
    return [f"line {record.line}\n      expected {wanted}\n      got      {got}"
            for record, wanted, got in zip(records, expected, columns(run, capture)) if wanted != got] \
        + ([] if len(expected) == len(records) else [f"{len(records)} records, {len(expected)} sentences"])


def check_log(run, name):
    form, text = logs()[name]
    records = list(READERS[form](form, text))
    folder = run.scratch / "logs-fields" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    log, capture = folder, folder.with_suffix(".pcapng")
    log.write_bytes(text.encode())
    capture.write_bytes(capture_of(form, records))
    lines = [line for way in WAYS for line in compare_fields(run, log, way, form, records)]
    lines += [f"as a capture: {line}" for line in compare_fields(run, capture, "single", form, records)]
    return lines + compare_octets(run, log, form, records) + compare_columns(run, name, log, form, records)


# Records that are damaged: what of them can be told all the same, and what cannot (a value beside its column's name).
DAMAGED = [
    ("iis", "#Fields: date time c-ip sc-status time-taken\n2016-06-10 02:44:06 10.0.0.30 200",
     {"iis.date": "2016-06-10", "iis.time": "02:44:06", "iis.c_ip": "10.0.0.30"}),
    ("iis", "#Fields: date time c-ip sc-status time-taken\n2016-06-10 02:44:06 10.0.0.30 4294967296 18446744073709551616",
     {"iis.c_ip": "10.0.0.30", "iis.column": ["sc-status: 4294967296", "time-taken: 18446744073709551616"]}),
    ("iis", "2016-06-10 02:44:06 10.0.0.30", {}),
    ("httperr", "#Fields: date time c-ip c-port s-reason\n2016-06-10 02:44:06 10.0.0.30 many Timer_ConnectionIdle",
     {"httperr.c_ip": "10.0.0.30", "httperr.s_reason": "Timer_ConnectionIdle", "httperr.column": ["c-port: many"]}),
    ("cmtrace", "<![LOG[Notify Started.]LOG]!>", {}),
    ("cmtrace", '<![LOG[Notify Started.]LOG]!><time="25:00:00.000" date="6-10-2016" component="x" type="1" thread="1">',
     {"cmtrace.message": "Notify Started.", "cmtrace.time": "25:00:00.000", "cmtrace.component": "x",
      "cmtrace.event": "notify-begin"}),
    ("svclog", "<E2ETraceEvent><ApplicationData>Notify Finished.", {}),
    ("svclog", "<E2ETraceEvent><System><TimeCreated SystemTime=\"soon\"/><Level>high</Level></System>"
               "<ApplicationData>Notify Finished.</ApplicationData></E2ETraceEvent>",
     {"svclog.message": "Notify Finished.", "svclog.event": "notify-end",
      "svclog.column": ["Level: high", "TimeCreated: soon"]}),
]


def check_damaged(run):
    """Damaged records are marked, and shown with all that can be understood."""
    capture, lines = run.scratch / "logs-fields-damaged.pcapng", []
    payloads = [exported(form, text.encode()) for form, text, _ in DAMAGED]
    capture.write_bytes(pcapng((0, len(payload), payload) for payload in payloads))
    for way in WAYS:
        frames = run.dissect(capture, way, protocols=("iis", "httperr", "cmtrace", "svclog"))
        for (form, text, expected), frame in zip(DAMAGED, frames, strict=True):
            body = text.rpartition("\n")[2]
            shown = {}
            for field, value in frame.fields:
                shown.setdefault(field, []).append(value)
            wanted = expected | {f"{form}.record": body, f"{form}.malformed": ""}
            lines += [f"{way}: {body}\n      expected {field} {value!r}\n      got      {shown.get(field)}"
                      for field, value in wanted.items()
                      if shown.get(field) != (value if isinstance(value, list) else [value])]
            lines += [] if shown.get(f"{form}.error") else [f"{way}: {body}\n      no {form}.error"]
    infos = [info for _, info in columns(run, capture)]
    return lines + [f"Info {info!r} does not say that the record is damaged" for info in infos if "alformed" not in info]


def check_cut(run):
    """A packet that was cut when it was saved is marked, though what is left of it looks whole: 34 of the 349 ms."""
    form, text = logs()["crp/u_ex160610.log"]
    record = next(w3c_records(form, text))
    payload = exported(form, described(record))
    capture = run.scratch / "logs-fields-cut.pcapng"
    capture.write_bytes(pcapng([(record.time, len(payload), payload[:-1])]))
    call, taken, error, marked = run.tshark(
        capture, "-T", "fields", "-e", "iis.crp.call", "-e", "iis.time_taken", "-e", "iis.error",
        "-e", "iis.malformed").decode().rstrip("\n").split("\t")
    return [] if call == "VerifyRequest" and float(taken) == 0.034 and error and marked else \
        [f"shown {call!r}, {taken!r}, {error!r}, {marked!r}; expected VerifyRequest, 0.034, and that it was cut"]


def check_paths(run):
    """crp.paths tells of registration points under other names, in logs as in packets."""
    fields = "#Fields: date time cs-method cs-uri-stem sc-status\n2016-06-10 02:44:06 POST /MyCRP/Certificate/Notify 204"
    capture = run.scratch / "logs-fields-paths.pcapng"
    payload = exported("iis", fields.encode())
    capture.write_bytes(pcapng([(0, len(payload), payload)]))
    ask = ["-T", "fields", "-e", "iis.crp.call"]
    got = [run.tshark(capture, *ask, preferences=preferences).decode().strip()
           for preferences in ((), [("crp.paths", "/MyCRP/Certificate")])]
    return [] if got == ["", "Notify"] else [f"calls without and with crp.paths: {got}, expected none and Notify"]


# Codes and reasons as Microsoft publishes them (winerror.h, winhttp.h; KB820729; "HTTP status codes in IIS"), and a word of
# what each means there.
NAMED = [("iis", f"sc-win32-status {code}", "iis.sc_win32_status", name) for code, name in (
    (0, "ERROR_SUCCESS"), (2, "ERROR_FILE_NOT_FOUND"), (5, "ERROR_ACCESS_DENIED"), (64, "ERROR_NETNAME_DELETED"),
    (121, "ERROR_SEM_TIMEOUT"), (995, "ERROR_OPERATION_ABORTED"), (1236, "ERROR_CONNECTION_ABORTED"),
    (1326, "ERROR_LOGON_FAILURE"), (1346, "ERROR_BAD_IMPERSONATION_LEVEL"), (1909, "ERROR_ACCOUNT_LOCKED_OUT"),
    (2148074252, "SEC_E_LOGON_DENIED"), (2148074254, "SEC_E_NO_CREDENTIALS"), (2148081683, "CRYPT_E_REVOCATION_OFFLINE"),
    (2148204801, "CERT_E_EXPIRED"), (2148204809, "CERT_E_UNTRUSTEDROOT"))]
NAMED += [("iis", f"sc-status/sc-substatus {status}/{substatus}", "iis.status_meaning", word)
          for status, substatus, word in ((401, 2, "authentication"), (403, 4, "HTTPS"), (403, 7, "required"),
                                          (403, 13, "revoked"), (403, 16, "not trusted"), (403, 17, "expired"),
                                          (404, 13, "body"), (404, 14, "URL"), (404, 15, "query"), (500, 19, "configuration"))]
NAMED += [("httperr", f"s-reason {reason}", "httperr.reason_meaning", word) for reason, word in (
    ("AppOffline", "failing"), ("BadRequest", "parsed"), ("Client_Reset", "client"), ("ConnLimit", "connections"),
    ("Connection_Abandoned_By_AppPool", "unanswered"), ("Connection_Abandoned_By_ReqQueue", "unanswered"),
    ("Connection_Dropped", "closed"), ("Connection_Dropped_List_Full", "list of dropped connections"),
    ("Connections_Refused", "memory"), ("Disabled", "administrator"), ("EntityTooLarge", "larger"),
    ("FieldLength", "header field is too long"), ("Forbidden", "forbidden"), ("Header", "header cannot be parsed"),
    ("Hostname", "host name"), ("Internal", "internal"), ("Invalid_CR/LF", "line feed"), ("LengthRequired", "length"),
    ("N/A", "not available"), ("N/I", "not implemented"), ("Number", "number"), ("Precondition", "precondition"),
    ("QueueFull", "queue is full"), ("RequestLength", "request is too long"), ("Timer_AppPool", "queue"),
    ("Timer_ConnectionIdle", "idle"), ("Timer_EntityBody", "body"), ("Timer_HeaderWait", "headers"),
    ("Timer_MinBytesPerSecond", "slowly"), ("Timer_ReqQueue", "queue"), ("Timer_SslRenegotiation", "renegotiation"),
    ("URL", "URL cannot be parsed"), ("URL_Length", "URL is too long"), ("Verb", "method"),
    ("Version_N/S", "version"), ("AppPoolTimer", "busy"), ("AppShutdown", "shut down"))]


def check_names(run):
    """Codes and reasons have the names and meanings that Microsoft publishes."""
    capture = run.scratch / "logs-fields-names.pcapng"
    payloads = []
    for form, said, _, _ in NAMED:
        names, _, values = said.partition(" ")
        payloads.append(exported(form, f"#Fields: date {names.replace('/', ' ') if form == 'iis' else names}\n2016-06-10 "
                                       f"{values.replace('/', ' ') if form == 'iis' else values}".encode()))
    capture.write_bytes(pcapng((0, len(payload), payload) for payload in payloads))
    root = ElementTree.fromstring(run.tshark(capture, "-T", "pdml", "-J", "iis httperr"))
    shown = [{field.get("name"): field.get("showname") for field in packet.iter("field")} for packet in root.iter("packet")]
    return [f"{said}: {field} is {fields.get(field)!r}, expected {word!r} in it"
            for (_, said, field, word), fields in zip(NAMED, shown, strict=True) if word not in (fields.get(field) or "")]


def check_garbage(run):
    """Whatever stands in a record, all four dissectors take it in their stride."""
    chance = random.Random(8894)
    records = [(form, described(record)) for form, text in logs().values() for record in READERS[form](form, text)]
    payloads = []
    for _ in range(1500):
        form, octets = chance.choice(records)
        octets = bytearray(octets)
        for _ in range(chance.choice((1, 1, 2, 8, 64))):
            at = chance.randrange(len(octets))
            how = chance.randrange(4)
            if how == 0:
                octets[at] = chance.randrange(256)
            elif how == 1:
                del octets[at:at + chance.choice((1, 2, 10, 100))]
                octets = octets or bytearray(b"-")
            elif how == 2:
                octets[at:at] = chance.choice((b"\0", b"\n", b" ", b"-", b"<", b"]LOG]!>", b"\xff\xfe", b"%n%s", b"#Fields: "))
            else:
                octets[at:at] = octets[:chance.randrange(len(octets))]
        payloads.append(exported(form if chance.random() < 0.9 else chance.choice(list(READERS)), bytes(octets[:100000])))
    payloads += [exported(form, octets) for form in READERS for octets in (b"", b"#", b"\0" * 1000, b" " * 1000)]
    capture = run.scratch / "logs-fields-garbage.pcapng"
    capture.write_bytes(pcapng((0, len(payload), payload) for payload in payloads))
    # dissecting() ends the case at a dissector bug or a crash. A title that was too long is marked before it.
    title = re.compile(rb"(\[\S+\] ?)?(IIS W3C extended|HTTP.sys error|CMTrace|Service trace) log")
    shown = [sum(bool(title.match(line)) for line in run.tshark(capture, *way, "-V", "-O", ",".join(READERS)).splitlines())
             for way in ((), ("-2",))]
    return [] if shown == [len(payloads)] * 2 else [f"{shown} records shown, expected {len(payloads)}"]


OTHERS = {"damaged": check_damaged, "cut packet": check_cut, "crp.paths": check_paths, "names": check_names,
          "garbage": check_garbage}


def units(run, folder):
    return [*logs(), *OTHERS]


def check(run, folder, unit):
    return OTHERS[unit](run) if unit in OTHERS else check_log(run, unit)
