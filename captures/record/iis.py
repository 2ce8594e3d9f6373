#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Internet Information Services (IIS) and HTTP.sys below it answer when they refuse a request.

As a program it stands behind the web server of NDES, on the loopback, and refuses every request as its path says:
/iis/404.15 for IIS with this substatus, /http.sys/400/FieldLength for HTTP.sys with this reason. What only a log says
of the answer is in its X-IIS-… fields, which the web server keeps for its logs.
"""
import argparse
import collections
import http.server

# What of it is for logs alone: the number that Windows has for the error, the reason of HTTP.sys, and the queue.
Refusal = collections.namedtuple("Refusal", "name text win32 reason queue", defaults=(0, "", ""))

REFUSALS = {
    "400/FieldLength": Refusal("Bad Request", "A field of the request's head is too long.", reason="FieldLength"),
    "401.2": Refusal("Unauthorized", "Windows Authentication is enabled here, and no credentials were sent.", 5),
    "403.0": Refusal("Forbidden", "Without an operation there is nothing to see here."),
    "403.7": Refusal("Forbidden", "A client certificate is required here, and none was sent.", 5),
    "403.16": Refusal("Forbidden", "The client certificate does not come from an issuer that is trusted here.",
                      0x800B0109),  # CERT_E_UNTRUSTEDROOT
    "403.17": Refusal("Forbidden", "The client certificate has expired or is not yet valid.",
                      0x800B0101),  # CERT_E_EXPIRED
    "404.0": Refusal("Not Found", "There is no such application here."),
    "404.15": Refusal("Not Found", "The query of the request is longer than request filtering allows."),
    "500.0": Refusal("Internal Server Error", "The application failed."),
    # ERROR_BAD_IMPERSONATION_LEVEL
    "500.0/1346": Refusal("Internal Server Error", "The application may not act in the name of its client.", 1346),
    "503": Refusal("Service Unavailable", "The application pool is stopped.", reason="AppOffline", queue="SCEP"),
}
TITLES = {
    400: "Bad Request",
    401: "401 - Unauthorized: Access is denied due to invalid credentials.",
    403: "403 - Forbidden: Access is denied.",
    404: "404 - File or directory not found.",
    500: "500 - Internal server error.",
    503: "Service Unavailable",
}
PAGE = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"/>
<title>{title}</title>
</head>
<body>
<h1>Server Error</h1>
<h2>HTTP Error {number} - {name}</h2>
<p>{text}</p>
</body>
</html>
""".replace("\n", "\r\n")


def answer(handler, status, fields=(), content_type=None, body=b""):
    """As IIS does, `Server` too; or HTTP.sys, where `fields` say so."""
    handler.send_response_only(status)
    fields = dict(fields)
    server = {"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET"} if "Server" not in fields else {}
    for name, value in {**server, **fields}.items():
        for one in value if isinstance(value, tuple) else (value,):
            handler.send_header(name, one)
    if content_type:
        handler.send_header("Content-Type", content_type)
    if status != 204:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def refuse(handler, error):
    """The status."""
    refusal = REFUSALS[error]
    number = error.partition("/")[0]
    status, _, substatus = number.partition(".")
    page = PAGE.format(title=TITLES[int(status)], number=number, name=refusal.name, text=refusal.text)
    fields = {"X-IIS-Substatus": substatus or "0", "X-IIS-Win32": str(refusal.win32)}
    if refusal.reason:
        fields = {"Server": "Microsoft-HTTPAPI/2.0",
                  "X-IIS-Reason": refusal.reason, "X-IIS-Queue": refusal.queue or "-"}
    if status == "401":
        fields["WWW-Authenticate"] = ("Negotiate", "NTLM")
    answer(handler, int(status), fields, "text/html", page.encode())
    return int(status)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        refuse(self, self.path.split("/", 2)[2])

    do_POST = do_GET

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8084)
    http.server.ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler).serve_forever()


if __name__ == "__main__":
    main()
