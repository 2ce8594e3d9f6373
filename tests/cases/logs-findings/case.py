# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said about failures that logs show: the findings of text logs in the products' formats, opened by tshark,
against a table whose rows say where it is written that such a line means that."""

import datetime
import json
import shutil
import tempfile
from pathlib import Path

from harness import SAMPLES

FINDINGS = SAMPLES / "logs" / "findings"
REFERENCE = SAMPLES / "logs" / "reference"

IIS = "Microsoft, HTTP status codes in IIS (KB943891): "
WIN32 = "Microsoft, System Error Codes (winerror.h): "
HTTP = "Microsoft, Error logging in HTTP APIs (KB820729): "
WINHTTP = "Microsoft, WinHTTP error messages (winhttp.h): "
FLAG = "Microsoft, WINHTTP_STATUS_CALLBACK: "
POLICY = "Microsoft Intune, Troubleshoot the NDES policy module: "
DEVICE = "Microsoft Intune, Troubleshoot communication between device and NDES: "
PROFILE = "Microsoft Configuration Manager, Create certificate profiles: "
CODES = "Microsoft, Intune-Resource-Access, ScepRequestValidation codes: "
REFERENCE_LOGS = "captures/samples/logs/reference: "

# Folder of logs: ids of all findings, and where the meaning of the line that shows them is written.
LOGS = {
    # IIS on NDES.
    "iis-404-15": ("get-too-long-query", IIS + "404.15, query string too long"),
    "iis-404-14": ("get-too-long-url", IIS + "404.14, request URL too long"),
    "iis-404-2": ("ndes-isapi-restricted", IIS + "404.2, ISAPI or CGI restriction"),
    "iis-404-17": ("ndes-no-handler", IIS + "404.17, dynamic content mapped to the static file handler"),
    "iis-404-0": ("ndes-path-missing", IIS + "404.0, not found; " + WIN32 + "2, file not found"),
    "iis-404-11": ("ndes-double-escape", IIS + "404.11, request filtering denied URL double escaping"),
    "iis-404-13": ("ndes-body-filtered", IIS + "404.13, content length too large"),
    "iis-404-7": ("ndes-request-filtered", IIS + "404.7, file extension denied"),
    "iis-500-impersonation": ("ndes-500-impersonation", DEVICE + "500 0 1346, the right to impersonate"),
    "iis-500-account": ("ndes-500-account", WIN32 + "1909, account locked out; " + DEVICE + "service account locked"),
    "iis-500-access": ("ndes-500-access", WIN32 + "5, access denied"),
    "iis-500-19": ("ndes-500-config", IIS + "500.19, configuration data is invalid; 0x80070021, section locked"),
    "iis-500-21": ("ndes-500-module", IIS + "500.21, module not recognized"),
    "iis-401-1": ("ndes-401-logon", IIS + "401.1, logon failed; " + WIN32 + "1326, logon failure"),
    "iis-401-2": ("ndes-401-anonymous", IIS + "401.2, logon failed due to server configuration"),
    "iis-401-3": ("ndes-401-acl", IIS + "401.3, unauthorized due to ACL on resource"),
    "iis-403-1": ("ndes-403-execute", IIS + "403.1, execute access forbidden"),
    "iis-403-4": ("ndes-403-https", IIS + "403.4, SSL required"),
    "iis-403-6": ("ndes-403-address", IIS + "403.6, IP address rejected"),
    "iis-403-7": ("ndes-403-certificate", IIS + "403.7, client certificate required"),
    "iis-403-16": ("ndes-403-bad-certificate", IIS + "403.16, client certificate is untrusted or invalid"),
    "iis-403-18": ("ndes-403-pool", IIS + "403.18, cannot execute requested URL in the current application pool"),
    "iis-client-gone": ("answer-not-taken", WIN32 + "64, the specified network name is no longer available"),

    # HTTP.sys before NDES.
    "httpsys-field-length": ("get-too-long-field", HTTP + "FieldLength, a field length limit was exceeded"),
    "httpsys-request-length": ("get-too-long-request", HTTP + "RequestLength"),
    "httpsys-url-length": ("get-too-long-target", HTTP + "URL_Length"),
    "httpsys-url": ("http-sys-url", HTTP + "URL, a parse error occurred while processing a URL"),
    "httpsys-hostname": ("http-sys-hostname", HTTP + "Hostname"),
    "httpsys-header": ("http-sys-garbled", HTTP + "Header, a parse error occurred in a header"),
    "httpsys-version": ("http-sys-version", HTTP + "Version_N/S, HTTP error 505"),
    "httpsys-forbidden": ("http-sys-forbidden", HTTP + "Forbidden, a forbidden element or sequence"),
    "httpsys-entity-too-large": ("http-sys-body", HTTP + "EntityTooLarge"),
    "httpsys-offline": ("ndes-503-offline", HTTP + "AppOffline, application errors"),
    "httpsys-shutdown": ("ndes-503-shutdown", HTTP + "AppShutdown, administrator policy"),
    "httpsys-disabled": ("ndes-503-disabled", HTTP + "Disabled, taken offline by an administrator"),
    "httpsys-internal": ("ndes-503-internal", HTTP + "N/A, an internal error such as a URL reservation list conflict"),
    "httpsys-queue-full": ("ndes-503-busy", HTTP + "QueueFull"),
    "httpsys-connection-limit": ("ndes-503-limit", HTTP + "ConnLimit"),
    "httpsys-abandoned": ("ndes-worker-gone", HTTP + "Connection_Abandoned_By_ReqQueue, the worker process quit"),
    "httpsys-queue-timeout": ("ndes-queue-timeout", HTTP + "Timer_AppPool, waited too long in the queue"),
    "httpsys-response-timeout": ("ndes-answer-timeout", HTTP + "Timer_Response"),
    "httpsys-renegotiation": ("ndes-renegotiation", HTTP + "Timer_SslRenegotiation"),
    "httpsys-client-reset": ("http-sys-client-gone", HTTP + "Client_Reset, the client closes its connection"),
    "httpsys-entity-body": ("http-sys-request-slow", HTTP + "Timer_EntityBody, before the entity body arrived"),
    "httpsys-min-bytes": ("http-sys-answer-slow", HTTP + "Timer_MinBytesPerSecond, not received at a reasonable speed"),

    # The registration point's web server.
    "crp-403-16": ("crp-client-certificate-untrusted", POLICY + "403 16 2148204809 and the page in NDESPlugin.log"),
    "crp-403-7": ("crp-client-certificate-missing", IIS + "403.7, client certificate required"),
    "crp-403-17": ("crp-client-certificate-expired", IIS + "403.17, client certificate has expired"),
    "crp-403-13": ("crp-client-certificate-revoked", IIS + "403.13, client certificate revoked"),
    "crp-client-gone": ("crp-answer-not-taken slow-answer", WIN32 + "64; time-taken 61 s"),
    "crp-httpsys-offline": ("crp-http-pool", HTTP + "AppOffline"),
    "crp-httpsys-abandoned": ("crp-http-worker", HTTP + "Connection_Abandoned_By_ReqQueue"),
    "crp-httpsys-renegotiation": ("crp-http-renegotiation", HTTP + "Timer_SslRenegotiation"),
    "crp-httpsys-hostname": ("crp-http-other", HTTP + "Hostname"),

    # NDESPlugin.log.
    "plugin-12175-cn-invalid": ("crp-server-name", POLICY + "12175 with CERT_CN_INVALID"),
    "plugin-12175-invalid-ca": ("crp-server-untrusted", FLAG + "INVALID_CA"),
    "plugin-12175-date-invalid": ("crp-server-expired", FLAG + "CERT_DATE_INVALID"),
    "plugin-12175-revoked": ("crp-server-revoked", FLAG + "CERT_REVOKED"),
    "plugin-12175-revocation": ("crp-server-revocation", FLAG + "CERT_REV_FAILED"),
    "plugin-12175": ("crp-server-tls", WINHTTP + "12175, secure failure"),
    "plugin-12002": ("crp-link-timeout", WINHTTP + "12002, timed out"),
    "plugin-12007": ("crp-link-name", WINHTTP + "12007, name not resolved"),
    "plugin-12029": ("crp-link-refused", WINHTTP + "12029, cannot connect"),
    "plugin-12030": ("crp-link-broken", WINHTTP + "12030, connection reset or terminated"),
    "plugin-12044": ("crp-client-certificate-asked", WINHTTP + "12044, the server asks for client authentication"),
    "plugin-12152": ("crp-link-garbage", WINHTTP + "12152, the server's answer cannot be parsed"),
    "plugin-12178": ("crp-send-failed", WINHTTP + "12178, automatic proxy service error"),
    "plugin-page-403-7": ("crp-page-no-certificate", IIS + "403.7"),
    "plugin-page-403-16": ("crp-page-untrusted", IIS + "403.16"),
    "plugin-page-403-17": ("crp-page-expired", IIS + "403.17"),
    "plugin-page-403": ("crp-page-403", POLICY + "Verify challenge returns <!DOCTYPE … 403 - Forbidden"),
    "plugin-page-500": ("crp-html", IIS + "500, internal server error"),
    "plugin-false": ("crp-verify-unexplained", POLICY + "NDESPlugin.log indicates the challenge returns false"),
    "plugin-exit": ("crp-verify-exit", REFERENCE_LOGS + "Exiting VerifyRequest with 0x0; 0x80070057 is E_INVALIDARG"),
    "plugin-unfinished": ("crp-verify-unfinished", REFERENCE_LOGS + "Exiting VerifyRequest ends the call"),
    "plugin-notify-missing": ("crp-notify-missing", REFERENCE_LOGS + "Calling Notifyrequest follows"),
    "plugin-notify-exit": ("crp-notify-exit", REFERENCE_LOGS + "Exiting Notify with 0x0; 0x80004005 is E_FAIL"),
    "plugin-notify-unfinished": ("crp-notify-unfinished", REFERENCE_LOGS + "Exiting Notify ends the call"),

    # CRP.log and the connector's trace.
    "crp-phase-1": ("crp-phase-1-failed", REFERENCE_LOGS + "Validation Phase 1 finised with status True"),
    "crp-phase-2": ("crp-phase-2-failed", REFERENCE_LOGS + "Validation Phase 2 finished"),
    "crp-phase-3": ("crp-phase-3-failed", REFERENCE_LOGS + "Validation Phase 3 finished with status True"),
    "crp-key-usage": ("crp-request-key-usage", PROFILE + "Key usage in CSR and challenge do not match, in Crp.log"),
    "crp-subject": ("crp-request-subject", "Microsoft Intune, SCEP certificate profiles: escaped comma"),
    "crp-alternative-name": ("crp-request-san", CODES + "SubjectAltNameMismatch"),
    "crp-purposes": ("crp-request-purposes", CODES + "EnhancedKeyUsageMismatch"),
    "crp-key-length": ("crp-request-key-size", CODES + "KeyLengthMismatch"),
    "crp-template": ("crp-template-permission", "Microsoft Configuration Manager, Planning for certificate template "
                                                "permissions: SkipTemplateCheck"),
    "crp-database": ("crp-database", "Microsoft .NET, SqlException (0x80131904)"),
    "crp-expired": ("crp-challenge-expired", "Microsoft Intune, Connector events: CRPSCEPChallenge_Expired"),
    "crp-signing": ("crp-challenge-signing", POLICY + "Signing certificate could not be retrieved"),
    "crp-state-message": ("crp-state-message", REFERENCE_LOGS + "Successfully sent state message"),

    # Whom to believe.
    "contradiction": ("log-contradiction", "true in NDESPlugin.log, False in CRP.log"),

    # Nothing is wrong.
    "healthy-urls": ("", DEVICE + "403 for mscep.dll; " + HTTP + "Timer_ConnectionIdle; NTLM's 401s; reference logs"),
}

# Recorded with a capture at NDES: what is said of the logs alone, and of both together, as captures/samples/logs.md
# says what is true. Packets know the address and the port that did not answer, logs the reason of a refusal.
RECORDED = {
    "logs-healthy": ("", ""),
    "logs-connector": ("", ""),
    "logs-zone": ("", ""),
    "logs-zone-west": ("", ""),
    "logs-skewed": ("", ""),
    "logs-challenge-false": ("crp-request-subject", "crp-request-subject"),
    "logs-key-usage": ("crp-request-key-usage", "crp-request-key-usage"),
    "logs-signing-certificate": ("crp-challenge-signing", "crp-challenge-signing"),
    "logs-403-16": ("crp-client-certificate-untrusted", "crp-client-certificate-untrusted"),
    "logs-403-7": ("crp-client-certificate-missing", "crp-client-certificate-missing"),
    "logs-12175": ("crp-server-name", "crp-server-name"),
    "logs-12029": ("crp-link-refused", "crp-unreachable"),
    "logs-12002": ("crp-link-timeout", "crp-unreachable"),
    "logs-no-notify": ("crp-no-notify", "crp-no-notify"),
    "logs-notify-failed": ("crp-state-message", "crp-state-message"),
    "logs-500-impersonation": ("ndes-500-impersonation", "ndes-500-impersonation"),
    "logs-404-15": ("get-too-long-query", "get-too-long-query"),
    "logs-field-length": ("get-too-long-field", "get-too-long-field"),
    "logs-pool-stopped": ("ndes-503-offline", "ndes-503-offline"),
}

# Seconds by which the clock behind CRP.log is ahead: the domain's clocks differ by less than 300 (Kerberos).
CLOCKS = {"clock right": (0, ""), "clock 3 s ahead": (3, ""), "clock 42 s ahead": (42, "log-clock-skew"),
          "clock 42 s behind": (-42, "log-clock-skew"), "clock 390 s ahead": (390, "log-zone-unsure")}

# Enrolments at NDES, captured one soon after the other; nginx logged what was asked.
CAPTURED, ANOTHER = "windows-get", "windows-post"
HEAD = ("#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2016-06-10 00:00:00\r\n"
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
        "sc-status sc-substatus sc-win32-status time-taken\r\n")


def units(run, folder):
    return [*LOGS, *RECORDED, *CLOCKS, "reference alone", "line missing", "packets missing", "each has a row"]


def check(run, folder, unit):
    if unit == "each has a row":
        return check_rows()
    with Folder(run) as here:
        if unit in CLOCKS:
            ahead, ids = CLOCKS[unit]
            return differ(here.ids(*here.shifted(ahead)), ids, f"CRP.log {ahead} s ahead")
        if unit in LOGS:
            ids, source = LOGS[unit]
            return differ(here.ids(*sorted((FINDINGS / unit).glob("*/*"))), ids, source)
        if unit in RECORDED:
            return check_recorded(here, SAMPLES / unit, *RECORDED[unit])
        return globals()[f"check_{unit.replace(' ', '_')}"](here)


def check_rows():
    folders = {path.name for path in FINDINGS.iterdir() if path.is_dir()}
    return [f"{name}: in the table or below {FINDINGS.name} alone" for name in sorted(folders ^ set(LOGS))]


def check_recorded(here, sample, of_logs, of_both):
    logs = sorted(sample.glob("logs/*/*"))
    lines = differ(here.ids(*logs), of_logs, "logs.md, the logs alone")
    return lines + differ(here.ids(sample / "ndes.pcapng", *logs), of_both, "logs.md, capture and logs")


def check_reference_alone(here):
    """Each of the healthy logs by itself."""
    return [line for path in sorted(REFERENCE.glob("*/*.log"))
            for line in differ(here.ids(path), "", f"{path.parent.name}/{path.name}, a healthy enrolment")]


def check_line_missing(here):
    """IIS's log has all requests but the PKIOperation; in the end it has it after all."""
    capture = SAMPLES / CAPTURED / "ndes.pcapng"
    requests = requests_of(CAPTURED)
    last = [requests[-1] | {"time": requests[-1]["time"] + 30, "uri": "/"}]
    operation = [request for request in requests if "PKIOperation" in request["uri"]]
    rest = [request for request in requests if request not in operation]
    lines = []
    for name, logged, ids in (("without.log", rest + last, "log-line-missing"), ("with.log", requests + last, ""),
                              ("short.log", rest, "")):
        lines += differ(here.ids(capture, here.write(name, HEAD + lines_of(logged))), ids,
                        f"{name}: truth/logs/ndes-access.log, PKIOperation in it or not")
    return lines


def check_packets_missing(here):
    """IIS's log has three enrolments, the captures the first and the last; or all that the log has."""
    first, last = requests_of(CAPTURED), requests_of(ANOTHER)
    between = (last[0]["time"] - first[0]["time"]) / 2
    middle = [request | {"time": request["time"] + between} for request in first]
    captures = [SAMPLES / name / "ndes.pcapng" for name in (CAPTURED, ANOTHER)]
    lines = differ(here.ids(*captures, here.write("all.log", HEAD + lines_of(first + middle + last))),
                   " ".join(["capture-line-missing"] * len(middle)), "ndes-access.log of both, and one between")
    return lines + differ(here.ids(*captures, here.write("two.log", HEAD + lines_of(first + last))), "",
                          "ndes-access.log of both")


def requests_of(sample):
    """What nginx at NDES logged: time (of the end), method, uri, status, seconds, addresses."""
    lines = (SAMPLES / sample / "truth/logs/ndes-access.log").read_text().splitlines()
    return [entry | {"time": float(entry["time"])} for entry in map(json.loads, lines)]


def lines_of(requests):
    """The same as IIS writes it."""
    text = ""
    for request in requests:
        path, _, query = request["uri"].partition("?")
        moment = datetime.datetime.fromtimestamp(request["time"], datetime.timezone.utc)
        text += (f"{moment:%Y-%m-%d %H:%M:%S} 198.51.100.30 {request['method']} {path} "
                 f"{'...' if len(query) > 4096 else query or '-'} 443 - {request['client']} "
                 f"{request['user_agent'].replace(' ', '+') or '-'} - {request['status']} 0 0 "
                 f"{round(1000 * float(request['seconds']))}\r\n")
    return text


class Folder:
    """Files of one unit; lives as long as it."""

    def __init__(self, run):
        self.run = run
        self.path = Path(tempfile.mkdtemp(dir=run.own(run.scratch / "logs-findings")))
        run.own(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, text):
        path = self.path / name
        path.write_bytes(text.encode())
        path.chmod(0o644)
        return path

    def shifted(self, seconds):
        """The reference logs but for the registration point's web server, whose own log is ahead of the others."""
        target = self.path / "CRP.pcapng"
        self.run.run("editcap", "-t", str(seconds), self.run.readable(REFERENCE / "crp/CRP.log"), target)
        return [target, *sorted((REFERENCE / "ndes").glob("*.log"))]

    def ids(self, *files):
        """The ids of all findings, in order of their names."""
        files = [self.run.readable(path) for path in files]
        target = files[0]
        if len(files) > 1:
            target = self.path / "merged.pcapng"
            self.run.run("mergecap", "-w", target, *files)
        output = self.run.tshark(target, "-q", "-z", "scep,json")
        enrolments = [json.loads(line) for line in output.splitlines()]
        return " ".join(sorted(finding["id"] for enrolment in enrolments for finding in enrolment["findings"]))


def differ(got, wanted, source):
    wanted = " ".join(sorted(wanted.split()))
    if got == wanted:
        return []
    return [f"expected {wanted or 'nothing'}\n      got      {got or 'nothing'}\n      ({source})"]
