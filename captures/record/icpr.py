# SPDX-License-Identifier: GPL-2.0-or-later
"""What the two ends of a certificate request to a Windows CA share: interfaces, calls in NDR, NTLM account, log.

[MS-ICPR] 3.2.4.1.1 CertServerRequest, [MS-WCCE] 3.2.1.4.2.1 ICertRequestD::Request, [MS-WCCE] 2.2.2.2 CERTTRANSBLOB.
impacket's request() looks here for the answer's class by its name: NAME, NAMEResponse.
"""
import json
import threading

from impacket import hresult_errors
from impacket.dcerpc.v5.dcomrt import ORPCTHAT, ORPCTHIS
from impacket.dcerpc.v5.dtypes import DWORD, LPBYTE, LPWSTR, NULL, ULONG
from impacket.dcerpc.v5.ndr import NDRCALL, NDRSTRUCT
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import string_to_bin, uuidtup_to_bin

# pdwDisposition, [MS-WCCE] 3.2.1.4.2.1. Any other value than these is an error, such as an HRESULT.
DISPOSITIONS = {"issued": 3, "denied": 2, "pending": 5}
MESSAGES = {2: "Denied by Policy Module", 3: "Issued", 5: "Taken Under Submission"}
# dwFlags, [MS-WCCE] 3.2.1.4.2.1: the request is a PKCS #10 structure.
PKCS10 = 0x100
# The object that an ICertRequestD call is for. A real client gets it by activation, which is not played here.
IPID = string_to_bin("0000e402-0b1c-0ad8-5a51-3f0f9cde2a11")
CAUSALITY = string_to_bin("4c9c5d3e-7f0a-4b11-9d52-6d1d7a2b8c60")
# The account of the sealed calls: test data.
DOMAIN, USER, PASSWORD = "CONTOSO", "svc-ndes", "only-for-recordings"


class DCERPCSessionError(DCERPCException):
    def __str__(self):
        return " ".join(hresult_errors.ERROR_MESSAGES.get(self.error_code, (hex(self.error_code),)))


class CERTTRANSBLOB(NDRSTRUCT):
    structure = (("cb", ULONG), ("pb", LPBYTE))


class CertServerRequest(NDRCALL):
    opnum = 0
    structure = (
        ("dwFlags", DWORD),
        ("pwszAuthority", LPWSTR),
        ("pdwRequestId", DWORD),
        ("pctbAttribs", CERTTRANSBLOB),
        ("pctbRequest", CERTTRANSBLOB),
    )


class CertServerRequestResponse(NDRCALL):
    structure = (
        ("pdwRequestId", DWORD),
        ("pdwDisposition", DWORD),
        ("pctbCert", CERTTRANSBLOB),
        ("pctbEncodedCert", CERTTRANSBLOB),
        ("pctbDispositionMessage", CERTTRANSBLOB),
        ("ErrorCode", ULONG),
    )


class Request(NDRCALL):
    opnum = 3
    structure = (
        ("ORPCthis", ORPCTHIS),
        ("dwFlags", DWORD),
        ("pwszAuthority", LPWSTR),
        ("pdwRequestId", DWORD),
        ("pwszAttributes", LPWSTR),
        ("pctbRequest", CERTTRANSBLOB),
    )


class RequestResponse(NDRCALL):
    structure = (
        ("ORPCthat", ORPCTHAT),
        ("pdwRequestId", DWORD),
        ("pdwDisposition", DWORD),
        ("pctbCertChain", CERTTRANSBLOB),
        ("pctbEncodedCert", CERTTRANSBLOB),
        ("pctbDispositionMessage", CERTTRANSBLOB),
        ("ErrorCode", ULONG),
    )


class Interface:
    def __init__(self, name, uuid, call, answer):
        self.name, self.uuid, self.call, self.answer = name, uuidtup_to_bin((uuid, "0.0")), call, answer


INTERFACES = {
    "icertpassage": Interface(
        "ICertPassage", "91ae6020-9e3c-11cf-8d7c-00aa00c091be", CertServerRequest, CertServerRequestResponse
    ),
    "icertrequestd": Interface("ICertRequestD", "d99e6e70-fc88-11d0-b498-00a0c90312f3", Request, RequestResponse),
}


def set_blob(blob, octets):
    blob["cb"], blob["pb"] = len(octets), octets or NULL


def wide(text):
    return (text + "\0").encode("utf-16-le")


def endpoint(address):
    return f"{address[0]}:{address[1]}"


class Log:
    """JSON lines, one for each call, whole lines even from several threads."""

    def __init__(self, path):
        self.file, self.lock = open(path, "a", encoding="ascii"), threading.Lock()

    def write(self, entry):
        with self.lock:
            print(json.dumps(entry), file=self.file, flush=True)


def entry(begin, client, server, interface, opnum, sealed):
    """What the log says of a call until its answer is known."""
    return {
        "time_begin": begin,
        "time_end": None,
        "client": client,
        "server": server,
        "interface": interface,
        "opnum": opnum,
        "request_id": None,
        "disposition": None,
        "hresult": None,
        "fault": None,
        "sealed": sealed,
    }
