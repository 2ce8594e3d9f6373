#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records browsing-*.pcapng in this folder: ordinary HTTPS without its secrets, some of it of SCEP's sizes, between a
client's network namespace and a server's, seen by the client.

usage: browsing.py [NAME…]        as root; needs nginx, chromium, curl, openssl, tshark, iproute2 and ethtool

NAME is chromium, api or update; without one all are recorded.
"""

import ctypes
import http.client
import http.server
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANONYMISE = HERE.parent.parent / "record" / "anonymise.py"
SPACE = "web"
CLIENT, NOBODY_THERE = "192.0.2.10", "203.0.113.66"
# An address for each name, so that every name has versions of its own. limit: requests in one connection.
SITES = {
    "www.contoso.com": ("203.0.113.10", "TLSv1.3", "http2", 1000),
    "static.contoso.com": ("203.0.113.11", "TLSv1.2", "http2", 1000),
    "api.contoso.com": ("203.0.113.12", "TLSv1.2", "", 1000),
    "gateway.contoso.com": ("203.0.113.13", "TLSv1.2 TLSv1.3", "", 7),
    "login.contoso.com": ("203.0.113.14", "TLSv1.3", "", 1000),
    "telemetry.contoso.com": ("203.0.113.15", "TLSv1.2", "", 1000),
    "update.contoso.com": ("203.0.113.16", "TLSv1.2", "", 1000),
    "intranet.contoso.com": ("203.0.113.17", "TLSv1.2 TLSv1.3", "", 1000),
}
HOSTS = "".join(f"{site[0]} {name}\n" for name, site in SITES.items()) + f"{NOBODY_THERE} old.contoso.com\n"

CONFIGURATION = """
daemon off; worker_processes 1; user root; pid {work}/nginx.pid; error_log {work}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; client_max_body_size 1m;
    types {{ text/html html; text/css css; application/javascript js; image/png png; application/octet-stream bin; }}
    ssl_certificate {work}/server.crt; ssl_certificate_key {work}/server.key; keepalive_timeout 8s;
    {servers}
}}
"""
SERVER = """
    server {{
        listen {address}:443 ssl {http2}; server_name {name}; ssl_protocols {protocols};
        keepalive_requests {limit}; root {work}/www; {extra}
        location /v1/ {{ proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; }}
    }}
"""
# Whoever has no certificate of the company gets no further than the handshake or an error page.
EXTRA = {"intranet.contoso.com": "ssl_verify_client on; ssl_client_certificate {work}/root.crt;"}

PAGE = """<!doctype html><html><head><title>Contoso</title>
<link rel="stylesheet" href="/site.css"><link rel="stylesheet" href="https://static.contoso.com/theme.css">
<script src="https://static.contoso.com/library.js"></script></head><body>{images}
<script src="/page.js"></script></body></html>
"""
# What a page does with its server: look-ups one after another and side by side, forms, uploads, polls.
SCRIPT = """
const body = size => 'v'.repeat(size);
const pause = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
const get = (host, path) => fetch(`https://${host}.contoso.com/v1/${path}`, {cache: 'no-store'}).then(a => a.text());
const post = (host, path, size) =>
    fetch(`https://${host}.contoso.com/v1/${path}`, {method: 'POST', body: body(size)}).then(a => a.text());
(async () => {
    for (const host of ['api', 'gateway', 'www']) {
        await get(host, 'session/200');
        await get(host, 'profile/3000');
        await post(host, 'search/3000', 4000);
        await get(host, 'session/200');
        await post(host, 'search/2600', 4000);
        await get(host, 'profile/3400');
        await pause(2);
    }
    await Promise.all([200, 3000, 700, 2400, 900, 3100].map(size => get('api', `tile/${size}`)));
    await post('login', 'token/2000', 2600);
    await Promise.all([post('api', 'upload/180', 24000), post('gateway', 'upload/180', 9000), get('www', 'news/3000')]);
    navigator.sendBeacon('https://telemetry.contoso.com/v1/event/0', body(5000));
    for (let turn = 0; turn < 4; turn++) {
        await get('api', 'poll/210');
        if (turn % 2) await get('api', 'changes/3000');
        await pause(2);
    }
    // A form that is sent when nothing is open any more.
    await pause(9);
    await post('gateway', 'form/900', 4200);
    await get('www', 'done/10');
})();
"""
done = threading.Event()


class Application(http.server.BaseHTTPRequestHandler):
    """Answers /v1/NAME/SIZE with so many octets of JSON, or with 204 when it is none, after a moment's thought."""

    protocol_version = "HTTP/1.0"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name, size = self.path.split("?")[0].split("/")[2:4]
        time.sleep(0.09 if self.command == "POST" else 0.01)
        self.send_response(200 if int(size) else 204)
        if self.headers.get("Origin"):
            self.send_header("Access-Control-Allow-Origin", "*")
        if int(size):
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", size)
        self.end_headers()
        self.wfile.write(f'{{"{name}":"'.encode().ljust(int(size) - 2, b"x") + b'"}' if int(size) else b"")
        if name == "done":
            done.set()

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


def run(*command, check=True, **options):
    return subprocess.run([str(part) for part in command], check=check, **options)


def in_space(*command):
    return subprocess.Popen(["ip", "netns", "exec", SPACE, *map(str, command)])


def make_network(work):
    """This process's namespace is the client's; the server's has the name SPACE below a /run of this process alone."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "none", "/run")
    (work / "hosts").write_text("127.0.0.1 localhost\n" + HOSTS)
    run("mount", "--bind", work / "hosts", "/etc/hosts")
    run("ip", "netns", "add", SPACE)
    run("ip", "link", "add", "client", "type", "veth", "peer", "name", "server", "netns", SPACE)
    for prefix, end in (([], "client"), (["ip", "netns", "exec", SPACE], "server")):
        run(*prefix, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        run(*prefix, "ip", "link", "set", "lo", "up")
        # Segments as they are on a wire.
        run(*prefix, "ethtool", "-K", end, "tx", "off", "tso", "off", "gso", "off", "gro", "off", stdout=subprocess.DEVNULL)
        run(*prefix, "ip", "link", "set", end, "up")
    run("ip", "addr", "add", f"{CLIENT}/24", "dev", "client")
    run("ip", "route", "add", "203.0.113.0/24", "dev", "client", "src", CLIENT)
    # Nobody answers there, and nobody says so.
    run("ip", "neigh", "add", NOBODY_THERE, "lladdr", "02:00:00:00:00:66", "dev", "client")
    for address, *_ in SITES.values():
        run("ip", "-n", SPACE, "addr", "add", f"{address}/24", "dev", "server")
    run("ip", "-n", SPACE, "route", "add", "192.0.2.0/24", "dev", "server")


def openssl(*arguments, cwd):
    run("openssl", *arguments, cwd=cwd, stderr=subprocess.DEVNULL)


def make_files(work):
    """A root, an intermediate and the servers' certificate, as on most sites, and the web pages."""
    names = ",".join(f"DNS:{name}" for name in SITES)
    (work / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
    (work / "server.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/O=Contoso/CN=Contoso Web Root",
            "-keyout", "root.key", "-out", "root.crt", cwd=work)
    for name, issuer, subject in (("ca", "root", "/O=Contoso/CN=Contoso Web CA"), ("leaf", "ca", "/CN=www.contoso.com")):
        extensions = "ca.ext" if name == "ca" else "server.ext"
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", f"{name}.key", "-out", "request",
                cwd=work)
        openssl("x509", "-req", "-in", "request", "-CA", f"{issuer}.crt", "-CAkey", f"{issuer}.key", "-CAcreateserial",
                "-days", "30", "-extfile", extensions, "-out", f"{name}.crt", cwd=work)
    (work / "server.crt").write_bytes((work / "leaf.crt").read_bytes() + (work / "ca.crt").read_bytes())
    (work / "leaf.key").rename(work / "server.key")
    www = work / "www"
    www.mkdir()
    images = ""
    for number in range(8):
        (www / f"{number}.png").write_bytes(os.urandom(1500 + 1100 * number))
        host = "" if number % 2 else "https://static.contoso.com"
        images += f'<img src="{host}/{number}.png">'
    (www / "index.html").write_text(PAGE.format(images=images))
    (www / "page.js").write_text(SCRIPT)
    (www / "site.css").write_text("p { color: black }\n" * 200)
    (www / "theme.css").write_text("p { color: black }\n" * 60)
    (www / "library.js").write_text("// nothing\n" * 2500)
    (www / "manifest.bin").write_bytes(os.urandom(900))
    (www / "package.bin").write_bytes(os.urandom(120000))
    (www / "part.bin").write_bytes(os.urandom(30000))
    for size in (1100, 1900, 2800, 4000, 5000, 9000, 40000):
        (work / f"body-{size}").write_text("v" * size)


def serve(work):
    """The processes of the server's namespace: nginx and, behind it, this script as the application."""
    servers = "".join(SERVER.format(name=name, address=address, protocols=protocols, http2=http2, limit=limit, work=work,
                                    extra=EXTRA.get(name, "").format(work=work))
                      for name, (address, protocols, http2, limit) in SITES.items())
    (work / "nginx.conf").write_text(CONFIGURATION.format(work=work, servers=servers))
    return in_space("nginx", "-e", work / "error.log", "-c", work / "nginx.conf")


def enter_space():
    """Takes this thread, and those that it starts, to the server's namespace."""
    with open(f"/run/netns/{SPACE}") as space:
        if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "cannot enter the server's namespace")


def application():
    enter_space()
    http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Application).serve_forever()


def until(what, true):
    for _ in range(400):
        if true():
            return
        time.sleep(0.05)
    sys.exit(f"browsing.py: waited in vain for {what}")


def listens(port):
    return run("ip", "netns", "exec", SPACE, "ss", "-Hltn", f"sport = :{port}", capture_output=True).stdout


class Capture:
    """What the client's interface sees while the block runs, in a pcapng file."""

    def __init__(self, work, name):
        self.raw, self.path = work / f"{name}.raw", HERE / f"browsing-{name}.pcapng"

    def __enter__(self):
        self.log = open(self.raw.with_suffix(".log"), "wb+")
        self.dumpcap = subprocess.Popen(["dumpcap", "-q", "-i", "client", "-f", "tcp or udp port 9", "-w", self.raw],
                                        stderr=self.log)
        until("dumpcap", lambda: b"File:" in Path(self.log.name).read_bytes())
        # It names its file before it listens.
        time.sleep(0.3)

    def __exit__(self, *_):
        # The last packet is a datagram to the discard port: a file that holds it holds all before it.
        time.sleep(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"the last packet", (SITES["www.contoso.com"][0], 9))
        until("the last packet", lambda: b"the last packet" in self.raw.read_bytes())
        self.dumpcap.terminate()
        self.dumpcap.wait()
        run("tshark", "-r", self.raw, "-Y", "tcp", "-w", self.path, stderr=subprocess.DEVNULL)
        run(ANONYMISE, self.path)
        self.path.chmod(0o644)


def chromium(work):
    with open(work / "chromium.log", "wb") as log:
        browser = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--ignore-certificate-errors", f"--user-data-dir={work}/profile", "https://www.contoso.com/index.html"],
            stdout=log, stderr=log, start_new_session=True, env={**os.environ, "TMPDIR": str(work)})
        if not done.wait(120):
            sys.exit("browsing.py: the page did not come to its end")
        time.sleep(0.5)
        # Its connections end with it.
        os.killpg(browser.pid, signal.SIGTERM)
        browser.wait()


def curl(work, *arguments, check=True):
    run("curl", "-sS", "-o", os.devnull, "--cacert", work / "root.crt", *arguments, check=check,
        stderr=None if check else subprocess.DEVNULL)


def api(work):
    """Programs and their services: a connection for each request, and connections that are kept."""
    def get(host, path):
        # The token goes with the request where the gateway looks at it.
        token = ["-H", "Authorization: Bearer " + "t" * 700] if host == "gateway" else []
        curl(work, *token, f"https://{host}.contoso.com/v1/{path}")

    def post(host, path, size):
        curl(work, "--data-binary", f"@{work}/body-{size}", f"https://{host}.contoso.com/v1/{path}")

    # A token, a state, a document, telemetry; at three services, and all behind one gateway.
    for size in (1100, 1900, 2800):
        for login, service, telemetry in (("login", "api", "telemetry"), ("gateway", "gateway", "gateway")):
            post(login, "token/2000", size)
            get(service, "state/200")
            get(service, "document/3000")
            post(telemetry, "event/0", 5000)
            time.sleep(1.5)
    # One small question every two seconds, then something to fetch.
    for _ in range(3):
        get("api", "state/200")
        time.sleep(2)
    get("api", "document/3000")
    # Posts alone, and at once.
    workers = [threading.Thread(target=post, args=("gateway", f"batch/{size}", 4000)) for size in (150, 160, 3000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # With a client of another make, in connections that are kept.
    for name in ("api.contoso.com", "login.contoso.com"):
        connection = http.client.HTTPSConnection(name, context=ssl.create_default_context(cafile=work / "root.crt"))
        for method, path, size in [("POST", "token/2000", 2100), ("GET", "state/200", 0), ("GET", "document/3000", 0),
                                   ("GET", "state/200", 0), ("POST", "query/3000", 4000), ("POST", "event/0", 5000)]:
            connection.request(method, f"/v1/{path}", b"v" * size or None)
            connection.getresponse().read()
            time.sleep(0.2)
        connection.close()
    # Large and small ones in turn over HTTP/2.
    curl(work, "--http2", "--data-binary", f"@{work}/body-9000", "https://www.contoso.com/v1/upload/120",
         "--next", "-sS", "-o", os.devnull, "--cacert", work / "root.crt", "https://www.contoso.com/v1/document/3000")


def update(work):
    """An update: a small manifest, then much; and connections that come to nothing."""
    site = "https://update.contoso.com"
    curl(work, f"{site}/manifest.bin")
    time.sleep(1)
    curl(work, f"{site}/package.bin")
    curl(work, "-r", "0-9999", f"{site}/part.bin")
    curl(work, "-r", "10000-29999", f"{site}/part.bin")
    curl(work, "-T", work / "body-40000", f"{site}/v1/report/0")
    # A session without data.
    for name in ("www.contoso.com", "update.contoso.com"):
        run("openssl", "s_client", "-connect", f"{name}:443", "-servername", name, stdin=subprocess.DEVNULL,
            capture_output=True)
    # Failures: an unknown root, a name that is not the certificate's, a version and ciphers that are not the server's,
    # no client certificate, no TLS at all, a client that leaves at once, a closed port, nobody there.
    run("curl", "-sS", "https://api.contoso.com/v1/state/200", check=False, capture_output=True)
    run("curl", "-sS", "https://www.contoso.com/v1/state/200", check=False, capture_output=True)
    address = SITES["api.contoso.com"][0]
    curl(work, "--resolve", f"other.contoso.com:443:{address}", "https://other.contoso.com/v1/state/200", check=False)
    curl(work, "--tlsv1.3", "https://api.contoso.com/v1/state/200", check=False)
    curl(work, "--tls-max", "1.2", "https://login.contoso.com/v1/state/200", check=False)
    curl(work, "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256", "https://api.contoso.com/", check=False)
    for version in ("1.2", "1.3"):
        curl(work, "--tls-max", version, "https://intranet.contoso.com/v1/state/200")
    curl(work, "http://api.contoso.com:443/v1/state/200")
    for name in ("api.contoso.com", "www.contoso.com"):
        socket.create_connection((name, 443)).close()
        curl(work, f"https://{name}:8443/v1/state/200", check=False)
    curl(work, "--connect-timeout", "4", "https://old.contoso.com/v1/state/200", check=False)
    curl(work, f"{site}/manifest.bin")


def main():
    if os.environ.get("BROWSING") != "inside":
        os.environ["BROWSING"] = "inside"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, __file__, *sys.argv[1:]])
    recordings = {"chromium": chromium, "api": api, "update": update}
    chosen = sys.argv[1:] or list(recordings)
    if not set(chosen) <= set(recordings):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        work.chmod(0o755)
        make_network(work)
        make_files(work)
        nginx = serve(work)
        try:
            threading.Thread(target=application, daemon=True).start()
            for port in (443, 8000):
                until(f"port {port}", lambda: listens(port))
            for each in chosen:
                with Capture(work, each):
                    recordings[each](work)
        finally:
            nginx.terminate()
            nginx.wait()


if __name__ == "__main__":
    main()
