#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records the captures in this folder: traffic without SCEP, on the loopback of a network namespace of its own.

usage: record.py        as root; needs nginx, curl, openssl and unshare
"""

import os
import shutil
import smtplib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAIL = b"From: anna@contoso.com\r\nTo: bert@contoso.com\r\nSubject: lunch\r\nMIME-Version: 1.0\r\n" \
       b"Content-Type: text/plain\r\n\r\nTwelve o'clock?\r\n"
# The keywords of a GetCACaps answer, but nobody asked for one.
KEYWORDS = b"POSTPKIOperation\nRenewal\nSHA-256\nAES\n"

CONFIGURATION = """
daemon off; master_process off; pid {work}/nginx.pid; error_log {work}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {work}/body; client_max_body_size 1m;
    types {{
        text/plain txt; text/html html; message/rfc822 eml; application/json json;
        application/pkcs7-mime p7m; application/pkcs7-signature p7s; application/octet-stream bin;
        application/x-x509-ca-cert der pem crt;
    }}
    server {{ listen 127.0.0.1:80; root {work}/www; location /api/ {{ default_type application/json; return 200 '{{"state":"ok"}}'; }} location /inbox {{ return 204; }} }}
    server {{ listen 127.0.0.1:443 ssl; ssl_protocols TLSv1.2 TLSv1.3; root {work}/www; ssl_certificate {work}/server.crt; ssl_certificate_key {work}/server.key; }}
}}
"""


class Capture:
    """Everything on the loopback while the block runs, in a pcap file."""

    def __init__(self, name):
        self.path = HERE / f"{name}.pcap"

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("lo", 0))
        return self

    def __exit__(self, *_):
        # The loopback queues a packet here before its sender goes on: all that was sent is here now.
        self.socket.setblocking(False)
        start = int(time.time())
        with open(self.path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            for number in range(1 << 20):
                try:
                    frame, address = self.socket.recvfrom(1 << 17)
                except BlockingIOError:
                    break
                # The loopback shows a packet twice, going out and coming in.
                if address[2] == socket.PACKET_OUTGOING:
                    file.write(struct.pack("<IIII", start, number, len(frame), len(frame)) + frame)
        self.socket.close()


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, stderr=subprocess.DEVNULL)


def make_files(work):
    www = work / "www"
    www.mkdir()
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/O=Contoso/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", "server.key", "-out", "server.crt", cwd=work)
    (work / "mail").write_bytes(MAIL)
    signer = ["-signer", "server.crt", "-inkey", "server.key", "-in", "mail"]
    openssl("smime", "-sign", "-nodetach", *signer, "-outform", "DER", "-out", "www/signed.p7m", cwd=work)
    openssl("smime", "-sign", *signer, "-outform", "DER", "-out", "www/detached.p7s", cwd=work)
    openssl("smime", "-encrypt", "-aes-128-cbc", "-in", "mail", "-outform", "DER", "-out", "www/enveloped.p7m",
            "server.crt", cwd=work)
    openssl("smime", "-sign", "-nodetach", *signer, "-out", "signed.eml", cwd=work)
    openssl("smime", "-sign", *signer, "-out", "clear-signed.eml", cwd=work)
    openssl("smime", "-encrypt", "-aes-128-cbc", "-in", "mail", "-out", "encrypted.eml", "server.crt", cwd=work)
    openssl("x509", "-in", "server.crt", "-outform", "DER", "-out", "www/server.der", cwd=work)
    shutil.copy(work / "server.crt", www / "server.crt")
    (www / "page.html").write_text("<html><body>operation=GetCACert</body></html>\n")
    (www / "plain.txt").write_text("one line\nanother line\n")
    (www / "keywords.txt").write_bytes(KEYWORDS)
    (www / "mail.eml").write_bytes(MAIL)
    (www / "mail.txt").write_bytes(MAIL)
    (www / "data.bin").write_bytes(bytes(range(256)))


def curl(*arguments):
    subprocess.run(["curl", "-sS", "-o", os.devnull, *arguments], check=True)


def dns_answer(server):
    """Answers one query with an address record."""
    query, client = server.recvfrom(512)
    answer = b"\xc0\x0c" + struct.pack(">HHIH4s", 1, 1, 300, 4, bytes([192, 0, 2, 1]))
    server.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + query[12:] + answer, client)


def dns():
    with Capture("dns"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 53))
        for name in ("scep.contoso.com", "ndes.corp.contoso.com"):
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
            client.sendto(struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1),
                          ("127.0.0.1", 53))
            dns_answer(server)
            client.recv(512)


def serve_smtp(listener):
    """A mail server that accepts everything in one session."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 mail.contoso.com ESMTP\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"DATA":
                connection.sendall(b"354 go on\r\n")
                while next(lines) != b".\r\n":
                    pass
            connection.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


def smtp(work):
    with socket.create_server(("127.0.0.1", 25)) as listener, Capture("smtp-smime"):
        server = threading.Thread(target=serve_smtp, args=(listener,))
        server.start()
        with smtplib.SMTP("127.0.0.1") as client:
            for name in ("signed.eml", "clear-signed.eml", "encrypted.eml"):
                head = b"From: anna@contoso.com\r\nTo: bert@contoso.com\r\nSubject: lunch\r\n"
                body = (work / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                client.sendmail("anna@contoso.com", ["bert@contoso.com"], head + body)
        server.join()


def wait_for(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            continue


def web(work):
    (work / "nginx.conf").write_text(CONFIGURATION.format(work=work))
    nginx = subprocess.Popen(["nginx", "-c", str(work / "nginx.conf")])
    try:
        wait_for(443)
        site = "http://127.0.0.1"
        with Capture("http-text"):
            curl(f"{site}/plain.txt", "-o", os.devnull, f"{site}/keywords.txt", "-o", os.devnull, f"{site}/mail.txt")
            curl(f"{site}/mail.eml", "-o", os.devnull, f"{site}/page.html", "-o", os.devnull, f"{site}/data.bin")
        with Capture("http-operation"):
            # Many interfaces have a parameter of this name.
            curl(f"{site}/api/items?operation=list&message=hello")
            curl(f"{site}/plain.txt?operation=copy")
            curl("-d", "operation=GetStatus", f"{site}/inbox?operation=GetStatus")
        with Capture("http-smime"):
            for name in ("signed.p7m", "detached.p7s", "enveloped.p7m"):
                curl(f"{site}/{name}")
                curl("--data-binary", f"@{work}/www/{name}", "-H", "Content-Type: application/pkcs7-mime", f"{site}/inbox")
        with Capture("http-certificate"):
            # A download that nobody asked for by SCEP, with the type that nginx gives certificates.
            curl(f"{site}/server.der", "-o", os.devnull, f"{site}/server.crt")
        with Capture("tls"):
            for version in ("1.2", "1.3"):
                curl("--cacert", f"{work}/server.crt", f"--tlsv{version}", "--tls-max", version,
                     "https://localhost/plain.txt")
    finally:
        nginx.terminate()
        nginx.wait()


def main():
    if "inside" not in sys.argv:
        os.execvp("unshare", ["unshare", "--net", sys.executable, __file__, "inside"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        work.chmod(0o755)
        make_files(work)
        dns()
        smtp(work)
        web(work)


if __name__ == "__main__":
    main()
