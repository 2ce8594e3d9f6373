#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The application behind the web server of the Certificate Registration Point (CRP), and of Intune.

It listens on the loopback. The web server says in X-Client-Verify what it thinks of the client's certificate, and in
X-Client-Port where the request came from. Each request is one line of the log: when it came and was answered, which
call for which transaction, and the verdict. With --product-log the CRP also writes what Microsoft's would, CRP.log or
the service trace of Intune's connector.
"""
import argparse
import base64
import http.server
import json
import subprocess
import time
import uuid
import xml.etree.ElementTree

import iis
import product_log

QUERY = ("Get Challenge Parameters from DB using query: Execute CRP_VerifyRequestParameters @vchCertificateRequestID = "
         "'ModelName=ScopeId_6F1D3C02-8A57-4B1E-9C44-2E7A90D15B36/"
         "ConfigurationPolicy_b3f0a7c9-51d2-4e68-8f0d-7c2196ea4d15;Version=1;Hash=-1207443911', "
         "@vchDeviceID = '{device}', @vchUserID = '{user}', @DeviceType = 1")
STATE_MESSAGE = (r"StateMessage C:\Program Files\Microsoft Configuration Manager\inboxes\auth\statesys.box\incoming"
                 r"\{name}.SMX is dropped.")
# As published, with the stacks.
SIGNING_CERTIFICATE = """\
Signing certificate could not be retrieved. System.Security.Cryptography.CryptographicException: m_safeCertContext is \
an invalid handle.
   at System.Security.Cryptography.X509Certificates.X509Certificate.ThrowIfContextInvalid()
   at System.Security.Cryptography.X509Certificates.X509Certificate.GetCertHashString()
   at Microsoft.ConfigurationManager.CertRegPoint.CRPCertificate.RetrieveSigningCert(String certThumbprint)"""
CRYPTOGRAPHY = """\
Cryptography Exception: System.Security.Cryptography.CryptographicException: m_safeCertContext is an invalid handle.
   at System.Security.Cryptography.X509Certificates.X509Certificate.ThrowIfContextInvalid()
   at System.Security.Cryptography.X509Certificates.X509Certificate.SetThumbprint()
   at System.Security.Cryptography.X509Certificates.X509Certificate.GetCertHashString()
   at Microsoft.ConfigurationManager.CertRegPoint.Helper.ValidateChallenge(String base64Encodedtoken, \
X509Certificate2Collection encryptedCerts, X509Certificate2 SigningCert, String& decodedChallengePassword)"""
SUBJECT = """\
Exception: System.ArgumentException: Subject Name in CSR and challenge do not match
   at Microsoft.ConfigurationManager.CertRegPoint.ChallengeValidation.ValidationPhase3(PKCSDecodedObject pkcsObj, \
CertEnrollChallenge challenge, String templateName, Int32 skipSANCheck)"""

# Where the words of CRP.log and of the connector's trace differ.
WORDS = {
    "crp": {"begin": "Reading Template Permission Check from registry.", "finished": "finised"},
    "svclog": {"begin": "VerifyRequest Started.", "finished": "finished"},
}


def decoded(body):
    """The facts of a body, JSON or XML, those of Intune without their envelope."""
    if body.lstrip().startswith(b"<"):
        return {child.tag: child.text for child in xml.etree.ElementTree.fromstring(body)}
    facts = json.loads(body)
    return facts.get("request") if isinstance(facts.get("request"), dict) else facts.get("notification", facts)


def certificate_fault(said):
    """What IIS calls a client certificate that the web server reports so; None when it is good."""
    if said == "NONE":
        return "403.7"
    if said.startswith("FAILED:"):
        return "403.17" if "expired" in said else "403.16"
    return None


def subject_of(pkcs10):
    """From the last to the first of its parts."""
    shown = subprocess.run(["openssl", "req", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253"],
                           input=base64.b64decode(pkcs10), check=True, capture_output=True).stdout.decode()
    return shown.strip().removeprefix("subject=")


class Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    options = None
    product_log = None

    def do_POST(self):
        begin = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = self.path.rsplit("/", 1)[-1]
        said = self.headers.get("X-Client-Verify", "")
        facts, fault = {}, certificate_fault(said)
        if not fault:
            facts = decoded(body)
        if fault:
            status, verdict = iis.refuse(self, fault), fault
        else:
            port = self.headers.get("X-Client-Port")
            with self.product_log.call(call=call, transaction_id=facts["transactionId"],
                                       client_port=port and int(port)) as told:
                status, verdict = getattr(self, "answer_" + call)(facts, told)
        self.log_call({"begin": round(begin, 6), "end": round(time.time(), 6), "call": call,
                       "transaction_id": facts.get("transactionId"), "client_certificate": said,
                       "status": status, "verdict": verdict})

    # --- the calls ---

    def answer_VerifyRequest(self, facts, told):
        words = WORDS[self.options.product_log_form]
        told.write(words["begin"])
        told.write("Validation Phase 1 started.")
        time.sleep(self.options.verify_delay * 0.75)
        if self.options.error:
            return iis.refuse(self, self.options.error), self.options.error
        good = self.is_genuine(facts, told)
        told.write(f"Validation Phase 1 {words['finished']} with status {good}.")
        if good:
            good = self.fits(facts, told)
        else:
            time.sleep(self.options.verify_delay * 0.25)
        told.write(f"VerifyRequest Finished with status {good}")
        iis.answer(self, 201, content_type="application/json; charset=utf-8", body=b"true" if good else b"false")
        return 201, good

    def is_genuine(self, facts, told):
        """Phase 1: whether the challenge is one of ours."""
        if self.options.refuse == "signing-certificate":
            told.write(SIGNING_CERTIFICATE, level=product_log.ERROR)
            told.write(CRYPTOGRAPHY, level=product_log.ERROR)
            return False
        return facts["challenge"] == self.options.challenge

    def fits(self, facts, told):
        """Phases 2 and 3: whether the request is what the challenge was made for."""
        device, user = (uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} of {facts['transactionId']}")
                        for kind in ("device", "user"))
        told.write("Validation Phase 2 started for device and user .")
        told.write("Validation Phase 2 finished.")
        told.write(f"Validation Phase 3 started for device {device} and user {user}.")
        told.write(QUERY.format(device=device, user=user))
        time.sleep(self.options.verify_delay * 0.25)
        reasons = self.misfit(facts)
        for reason in reasons:
            told.write(reason, level=product_log.ERROR)
        told.write(f"Validation Phase 3 finished with status {not reasons}.")
        return not reasons

    def misfit(self, facts):
        if self.options.refuse == "key-usage":
            return ["Key usage in CSR and challenge do not match"]
        if self.options.refuse == "subject":
            subject = subject_of(facts["request"])
            return [f"Subject Name in CSR {subject} and challenge {self.options.subject} do not match", SUBJECT]
        return []

    def answer_Notify(self, facts, told):
        told.write("Notify Started.")
        told.write("Beginning state message creation...")
        told.write("Retrieveing the CRP certificate")
        time.sleep(self.options.notify_delay)
        fault = self.options.notify_error
        if fault:
            return iis.refuse(self, fault), fault
        told.write("Retrieving the GWP or MP certificate.")
        told.write(f"Sending {'Success' if facts['certificate'] else 'Failure'} state message")
        told.write(STATE_MESSAGE.format(name="csq" + uuid.uuid4().hex[:8]))
        told.write("Successfully sent state message")
        told.write("Notify Finished.")
        iis.answer(self, 204)
        return 204, facts["disposition"]

    def answer_validateRequest(self, _facts, _told):
        time.sleep(self.options.verify_delay)
        code = self.options.code
        return self.answer_intune(code, "" if code == "Success" else "The challenge password has expired.")

    def answer_successNotification(self, _facts, _told):
        time.sleep(self.options.notify_delay)
        return self.answer_intune("Success", "")

    answer_failureNotification = answer_successNotification

    def answer_intune(self, code, description):
        iis.answer(self, 200, content_type="application/json; charset=utf-8",
                   body=json.dumps({"code": code, "errorDescription": description}).encode())
        return 200, code

    def log_call(self, facts):
        with open(self.options.log, "a") as file:
            file.write(json.dumps(facts) + "\n")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8083)
    parser.add_argument("--log", required=True)
    parser.add_argument("--product-log", metavar="FILE", help="CRP.log, or the connector's trace")
    parser.add_argument("--product-log-form", choices=WORDS, default="crp")
    parser.add_argument("--challenge", help="the one good challenge password")
    parser.add_argument("--verify-delay", type=float, default=0, help="seconds")
    parser.add_argument("--notify-delay", type=float, default=0, help="seconds")
    parser.add_argument("--refuse", choices=("subject", "key-usage", "signing-certificate"), help="reason of false")
    parser.add_argument("--subject", default="", help="what the challenge was made for, with --refuse subject")
    parser.add_argument("--error", choices=iis.REFUSALS, help="answer VerifyRequest with this")
    parser.add_argument("--notify-error", choices=iis.REFUSALS, help="answer Notify with this")
    parser.add_argument("--code", default="Success", help="what validateRequest is answered with")
    Application.options = options = parser.parse_args()
    Application.product_log = product_log.ProductLog(options.product_log, options.product_log_form)
    Server(("127.0.0.1", options.port), Application).serve_forever()


if __name__ == "__main__":
    main()
