#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy module of NDES: asks the Certificate Registration Point (CRP), or Intune, before a certificate is issued,
and tells it afterwards what became of it. In between it asks the CA, as NDES does. It lives as long as NDES, which asks
it by ask.py.

usage: policy_module.py --serve SOCKET --url BASE [option…]

Each call is one line of the log: what was called, when it began (before connecting), was connected, secured by TLS and
answered (status and headers), when it ended, from which local port, and what came back. With --product-log it also
writes what the policy module of Microsoft would, NDESPlugin.log.
"""
import argparse
import base64
import collections
import datetime
import hashlib
import http.client
import json
import socket
import socketserver
import ssl
import subprocess
import time
import urllib.parse
import uuid
import xml.etree.ElementTree

import ca_client
import icpr
import product_log

TEMPLATE = "ContosoDevice"
CALLER = "Contoso NDES 1.0"
E_FAIL = "0x80004005"


# --- what is posted: the keys of the on-premises calls are those of INDESPolicy, their form is ours ---

def verify_request(application):
    return {"request": application["pkcs10"], "template": TEMPLATE, "transactionId": application["transaction_id"],
            "challenge": application["challenge"]}


def notify(application):
    issued = application["certificate"]
    return {"challenge": application["challenge"], "transactionId": application["transaction_id"],
            "disposition": "SCEPDispositionSuccess" if issued else "SCEPDispositionFailure",
            "hresult": "0x00000000" if issued else E_FAIL, "certificate": issued or None}


def as_json(_call, facts):
    return "application/json; charset=utf-8", json.dumps(facts).encode()


def as_xml(call, facts):
    root = xml.etree.ElementTree.Element(call)
    for name, value in facts.items():
        xml.etree.ElementTree.SubElement(root, name).text = value
    return "application/xml; charset=utf-8", xml.etree.ElementTree.tostring(root, "utf-8", xml_declaration=True)


# --- Intune's published interface ---

def validate_request(application):
    return {"request": {"transactionId": application["transaction_id"], "certificateRequest": application["pkcs10"],
                        "callerInfo": CALLER}}


def success_notification(application):
    der = base64.b64decode(application["certificate"])
    shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-serial", "-enddate", "-issuer"],
                           input=der, check=True, capture_output=True).stdout.decode()
    facts = dict(line.split("=", 1) for line in shown.splitlines())
    end = datetime.datetime.strptime(facts["notAfter"], "%b %d %H:%M:%S %Y GMT")
    return {"notification": {
        "transactionId": application["transaction_id"], "certificateRequest": application["pkcs10"],
        "certificateThumbprint": hashlib.sha1(der).hexdigest().upper(), "certificateSerialNumber": facts["serial"],
        "certificateExpirationDateUtc": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "issuingCertificateAuthority": facts["issuer"],
        "callerInfo": CALLER, "caConfiguration": "ca.corp.contoso.com\\Contoso Issuing CA",
        "certificateAuthority": "ca.corp.contoso.com"}}


def failure_notification(application, description):
    return {"notification": {"transactionId": application["transaction_id"], "certificateRequest": application["pkcs10"],
                             "hResult": int(E_FAIL, 16) - (1 << 32), "errorDescription": description,
                             "callerInfo": CALLER}}


# --- calling ---

# What came of a call: status and body, or else the error; the port it was made from.
Answer = collections.namedtuple("Answer", "status body error port")

# What WinHTTP says of a server's certificate, by the number that OpenSSL has for the fault.
CERTIFICATE_FAULTS = {10: "CERT_DATE_INVALID", 23: "CERT_REVOKED", 62: "CERT_CN_INVALID"}
WINHTTP_ERRORS = (
    (ssl.SSLError, 12175),                  # ERROR_WINHTTP_SECURE_FAILURE
    (socket.gaierror, 12007),               # ERROR_WINHTTP_NAME_NOT_RESOLVED
    (TimeoutError, 12002),                  # ERROR_WINHTTP_TIMEOUT
    (http.client.RemoteDisconnected, 12030),
    (ConnectionResetError, 12030),          # ERROR_WINHTTP_CONNECTION_ERROR
    (OSError, 12029),                       # ERROR_WINHTTP_CANNOT_CONNECT
    (http.client.HTTPException, 12152),     # ERROR_WINHTTP_INVALID_SERVER_RESPONSE
)


def winhttp_error(error):
    """Its number, and the flag of the call-back that tells more, or None."""
    number = next(number for kind, number in WINHTTP_ERRORS if isinstance(error, kind))
    if number != 12175:
        return number, None
    flag = "SECURITY_CHANNEL_ERROR"
    if isinstance(error, ssl.SSLCertVerificationError):
        flag = CERTIFICATE_FAULTS.get(error.verify_code, "INVALID_CA")
    return number, "WINHTTP_CALLBACK_STATUS_FLAG_" + flag


class Connection:
    """One TLS connection to the server, and when it got how far."""

    def __init__(self, host, context, timeout, facts):
        raw = socket.socket()
        raw.settimeout(timeout)
        # So that the port is known even when nobody answers.
        raw.bind(("", 0))
        facts["local_port"] = raw.getsockname()[1]
        try:
            raw.connect((host, 443))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            facts["connected"] = time.time()
            self.socket = context.wrap_socket(raw, server_hostname=host)
        except OSError:
            raw.close()
            raise
        facts["secured"] = time.time()
        self.local_port = facts["local_port"]
        self.http = http.client.HTTPConnection(host)
        self.http.sock = self.socket

    def close(self):
        try:
            # With close_notify in both directions.
            self.socket.unwrap().close()
        except (OSError, ValueError):
            # ValueError: http.client has closed it, because the server said Connection: close.
            self.socket.close()


def tls_context(options):
    context = ssl.create_default_context(cafile=options.trust)
    # As the WinHTTP of that age.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.keylog_filename = options.keylog
    if options.certificate:
        context.load_cert_chain(options.certificate, options.key)
    return context


class Module(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, options):
        super().__init__(options.serve, Hook)
        self.options = options
        self.host = urllib.parse.urlsplit(options.url).hostname
        self.context = tls_context(options)
        self.kept = {}
        self.product_log = product_log.ProductLog(options.product_log, "plugin")
        self.ca = ca_client.read_options(options.ca.split()) if options.ca else None
        self.ca_log = icpr.Log(self.ca.log) if options.ca else None

    def log(self, facts):
        for name in "begin", "connected", "secured", "answered", "end":
            facts[name] = facts[name] and round(facts[name], 6)
        # One write a line: calls overlap.
        with open(self.options.log, "a") as file:
            file.write(json.dumps(facts) + "\n")

    def post(self, call, application, body, headers, last):
        """The answer. LAST: the connection is not needed again for this transaction."""
        transaction = application["transaction_id"]
        url = f"{self.options.url}/{'ScepActions/' if self.options.intune else ''}{call}"
        content_type, data = body
        facts = {"transaction_id": transaction, "call": call, "url": url, "begin": time.time()}
        facts |= dict.fromkeys(("connected", "secured", "answered", "end", "local_port", "status", "body", "error"))
        connection = self.kept.pop(transaction, None)
        failure = None
        try:
            if connection:
                facts["local_port"] = connection.local_port
            else:
                connection = Connection(self.host, self.context, self.options.timeout, facts)
            connection.http.putrequest("POST", urllib.parse.urlsplit(url).path, skip_accept_encoding=True)
            for name, value in {"Connection": "Keep-Alive", "Content-Type": content_type, **headers,
                                "Content-Length": str(len(data))}.items():
                connection.http.putheader(name, value)
            connection.http.endheaders(data)
            answer = connection.http.getresponse()
            facts["answered"], facts["status"] = time.time(), answer.status
            facts["body"] = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            failure, facts["error"] = error, f"{type(error).__name__}: {error}"
        facts["end"] = time.time()
        if connection and self.options.keep and not last and facts["status"]:
            self.kept[transaction] = connection
        elif connection:
            connection.close()
        self.log(facts)
        return Answer(None if failure else facts["status"], facts["body"], failure, facts["local_port"])

    def to_crp(self, call, application, facts, last, told):
        """As post(); what the product's log says of it is TOLD."""
        told.write("Sending request to certificate registration point.", "httprequest.cpp:114")
        write = as_xml if self.options.xml else as_json
        answer = self.post(call, application, write(call, facts), {"User-Agent": "NDES_Plugin"}, last)
        told.facts["client_port"] = answer.port
        if not answer.status:
            number, flag = winhttp_error(answer.error)
            path = urllib.parse.urlsplit(self.options.url).path
            if flag:
                told.write(flag, "httprequest.cpp:52", product_log.ERROR)
            told.write(f"Failed to send http request {path}/{call}. Error {number}", "httprequest.cpp:187",
                       product_log.ERROR)
        return answer

    def told(self, call, application):
        return self.product_log.call(call=call, transaction_id=application["transaction_id"])

    def to_intune(self, call, application, facts):
        headers = {"Authorization": "Bearer a-token-made-for-this-recording", "client-request-id": str(uuid.uuid4()),
                   "api-version": "2018-02-20", "UserAgent": CALLER}
        return self.post(call, application, as_json(call, facts), headers, True)

    def verify(self, application):
        if not self.options.intune:
            return self.verify_by_crp(application)
        status, body, error, _ = self.to_intune("validateRequest", application, validate_request(application))
        answer = json.loads(body) if status == 200 else {"code": "", "errorDescription": body or str(error)}
        if answer["code"] == "Success":
            return True
        self.to_intune("failureNotification", application, failure_notification(application, answer["errorDescription"]))
        return False

    def verify_by_crp(self, application):
        with self.told("VerifyRequest", application) as told:
            told.write("Calling VerifyRequest ...", "ndesplugin.cpp:646")
            answer = self.to_crp("VerifyRequest", application, verify_request(application), False, told)
            good = answer.status == 201 and answer.body.strip() == "true"
            if answer.status:
                told.write(f"Verify challenge returns {answer.body}", "ndesplugin.cpp:834")
            told.write(f"Exiting VerifyRequest with {result(answer, good)}", "ndesplugin.cpp:874")
            return good

    def issue(self, application):
        """Whether the CA issues."""
        asked = argparse.Namespace(**vars(self.ca))
        asked.request = base64.b64decode(application["pkcs10"])
        return ca_client.Client(asked, TransactionLog(self.ca_log, application["transaction_id"])).run() == 0

    def notify(self, application):
        """What is answered changes nothing for the device."""
        if self.options.no_notify:
            return
        if not self.options.intune:
            self.notify_crp(application)
        elif application["certificate"]:
            self.to_intune("successNotification", application, success_notification(application))
        else:
            self.to_intune("failureNotification", application, failure_notification(application, "not issued"))

    def notify_crp(self, application):
        with self.told("Notify", application) as told:
            told.write("Calling Notifyrequest ...", "ndesplugin.cpp:904")
            answer = self.to_crp("Notify", application, notify(application), True, told)
            told.write(f"Exiting Notify with {result(answer, answer.status == 204)}", "ndesplugin.cpp:1167")


def result(answer, good):
    """The HRESULT that a call ends with."""
    if good:
        return "0x0"
    return E_FAIL if answer.status else f"0x{0x80070000 | winhttp_error(answer.error)[0]:x}"


class TransactionLog:
    """Of calls to the CA, only NDES knows the transaction."""

    def __init__(self, log, transaction):
        self.log, self.transaction = log, transaction

    def write(self, entry):
        self.log.write({"transaction_id": self.transaction, **entry})


class Hook(socketserver.StreamRequestHandler):
    def handle(self):
        asked = json.loads(self.rfile.readline())
        good = {"verify": self.server.verify, "issue": self.server.issue, "notify": self.server.notify}[asked["what"]](asked)
        self.wfile.write(b"yes" if good else b"no")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", metavar="SOCKET", required=True)
    parser.add_argument("--ca", help="options of ca_client.py")
    parser.add_argument("--url", help="of the application, without the call's name")
    parser.add_argument("--log")
    parser.add_argument("--product-log", metavar="FILE", help="NDESPlugin.log")
    parser.add_argument("--trust", help="the CA certificate that the server's is checked with")
    parser.add_argument("--certificate", help="the client certificate; without it an empty one is sent")
    parser.add_argument("--key")
    parser.add_argument("--keylog")
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("--intune", action="store_true", help="call Intune's published interface")
    parser.add_argument("--xml", action="store_true", help="post XML, not JSON")
    parser.add_argument("--keep", action="store_true", help="one connection for both calls of a transaction")
    parser.add_argument("--no-notify", action="store_true", help="never tell what became of a request")
    options = parser.parse_args()
    with Module(options) as module:
        module.serve_forever()


if __name__ == "__main__":
    main()
