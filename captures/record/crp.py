#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The application behind the web server of the Certificate Registration Point (CRP), and of Intune.

It listens on the loopback. The web server says in X-Client-Verify what it thinks of the client's certificate. Each
request is one line of the log: when it came and was answered, which call for which transaction, and the verdict.
"""
import argparse
import http.server
import json
import time
import xml.etree.ElementTree

TITLES = {
    401: "401 - Unauthorized: Access is denied due to invalid credentials.",
    403: "403 - Forbidden: Access is denied.",
    404: "404 - File or directory not found.",
    500: "500 - Internal server error.",
    503: "Service Unavailable",
}
PAGE = """<!DOCTYPE html>
<html><head><title>{title}</title></head>
<body><h1>Server Error</h1><h2>HTTP Error {error}</h2><p>{text}</p></body></html>
"""
PAGES = {
    "401.2": ("Unauthorized", "Windows Authentication is enabled here, and no credentials were sent."),
    "403.7": ("Forbidden", "A client certificate is required here, and none was sent."),
    "403.16": ("Forbidden", "The client certificate does not come from an issuer that is trusted here."),
    "403.17": ("Forbidden", "The client certificate has expired or is not yet valid."),
    "404.0": ("Not Found", "There is no such application here."),
    "500.0": ("Internal Server Error", "The application failed."),
    "503": ("Service Unavailable", "The application pool is stopped."),
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


class Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    options = None

    def do_POST(self):
        begin = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = self.path.rsplit("/", 1)[-1]
        said = self.headers.get("X-Client-Verify", "")
        facts = {}
        fault = certificate_fault(said)
        if not fault:
            facts = decoded(body)
            time.sleep(self.options.verify_delay if call in ("VerifyRequest", "validateRequest")
                       else self.options.notify_delay)
            fault = self.options.notify_error if call == "Notify" else self.options.error
        if fault:
            status, verdict = self.refuse(fault)
        else:
            status, verdict = getattr(self, "answer_" + call)(facts)
        self.log_call({"begin": round(begin, 6), "end": round(time.time(), 6), "call": call,
                       "transaction_id": facts.get("transactionId"), "client_certificate": said,
                       "status": status, "verdict": verdict})

    # --- the calls ---

    def answer_VerifyRequest(self, facts):
        good = facts["challenge"] == self.options.challenge
        self.answer(201, "application/json; charset=utf-8", b"true" if good else b"false")
        return 201, good

    def answer_Notify(self, facts):
        self.answer(204)
        return 204, facts["disposition"]

    def answer_validateRequest(self, _facts):
        code = self.options.code
        return self.answer_intune(code, "" if code == "Success" else "The challenge password has expired.")

    def answer_successNotification(self, _facts):
        return self.answer_intune("Success", "")

    answer_failureNotification = answer_successNotification

    def answer_intune(self, code, description):
        self.answer(200, "application/json; charset=utf-8",
                    json.dumps({"code": code, "errorDescription": description}).encode())
        return 200, code

    # --- HTTP ---

    def refuse(self, error):
        status = int(error.split(".")[0])
        name, text = PAGES[error]
        page = PAGE.format(title=TITLES[status], error=f"{error} - {name}", text=text)
        more = [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")] if status == 401 else []
        self.answer(status, "text/html", page.encode(), more)
        return status, error

    def answer(self, status, content_type=None, body=b"", more=()):
        self.send_response_only(status)
        # What IIS says of itself.
        for name, value in [("Server", "Microsoft-IIS/10.0"), ("X-Powered-By", "ASP.NET"), *more]:
            self.send_header(name, value)
        if content_type:
            self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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
    parser.add_argument("--challenge", help="the one good challenge password")
    parser.add_argument("--verify-delay", type=float, default=0, help="seconds")
    parser.add_argument("--notify-delay", type=float, default=0, help="seconds")
    parser.add_argument("--error", choices=PAGES, help="answer VerifyRequest with this")
    parser.add_argument("--notify-error", choices=PAGES, help="answer Notify with this")
    parser.add_argument("--code", default="Success", help="what validateRequest is answered with")
    Application.options = parser.parse_args()
    Server(("127.0.0.1", Application.options.port), Application).serve_forever()


if __name__ == "__main__":
    main()
