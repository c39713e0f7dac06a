"""Servers on the loopback device that answer as broken ones do: a DNS server, an HTTP(S) server whose paths name the
fault, and a maker of certificates."""

import http.server
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

FILES = {}  # path -> bytes
ZONE = {}  # name -> address; None: NXDOMAIN; "servfail"; "silent"


def dns(zone=ZONE, address="127.0.0.1"):
    """Answers A questions from zone; any other name does not exist."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))

    def serve():
        while True:
            q, peer = s.recvfrom(1500)
            labels, at = [], 12
            while q[at]:
                labels.append(q[at + 1:at + 1 + q[at]].decode("latin1"))
                at += 1 + q[at]
            question = q[12:at + 5]
            kind = struct.unpack(">H", q[at + 1:at + 3])[0]
            answer = zone.get(".".join(labels).lower())
            if answer == "silent":
                continue
            code = 2 if answer == "servfail" else 3 if answer is None else 0
            records = b""
            if code == 0 and kind == 1:
                records = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(answer)
            s.sendto(q[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if records else 0, 0, 0) + question + records, peer)

    threading.Thread(target=serve, daemon=True).start()


PORTAL = b"""<!DOCTYPE html>
<html><head><title>Guest Wi-Fi - please sign in</title>
<meta http-equiv="refresh" content="0; url=http://login.guest.example/portal?orig=update"></head>
<body><h1>Welcome</h1><p>Accept the terms of use to go online.</p>
<form action="/accept" method="post"><button>Accept and continue</button></form></body></html>
"""


class Liar(http.server.BaseHTTPRequestHandler):
    """The first part of a path says how it is answered: /plain/NAME, /short/NAME (less than promised, then closed),
    /reset/NAME, /stall/NAME, /slow/NAME, /N/NAME (status N), /portal/NAME (redirect to a login page), /page/NAME (a
    page in place of the file), /empty/NAME (closed without an answer), /flaky/NAME (every second time in full), /range
    (the same in pieces), /flip/NAME (one bit changed)."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "nginx", ""
    counts = {}

    def log_message(self, *a):
        pass

    def version_string(self):
        return "nginx/1.22.1"

    def do_HEAD(self):
        self.do_GET()

    def reply(self, status, body, kind="application/octet-stream", **more):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for k, v in more.items():
            self.send_header(k.replace("_", "-"), v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def abort(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        os.close(os.dup(self.connection.fileno()))
        self.connection.close()

    def do_GET(self):
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self):
        parts = self.path.split("?")[0].split("/")
        how, name = (parts[1], "/".join(parts[2:])) if len(parts) > 2 else ("plain", parts[1])
        body = FILES.get(name)
        if how.isdigit():
            status = int(how)
            more = {"Retry_After": "120"} if status in (429, 503) else {}
            if status == 401:
                more["WWW_Authenticate"] = 'Basic realm="updates"'
            text = {401: "401 Authorization Required", 403: "403 Forbidden", 404: "404 Not Found", 410: "410 Gone",
                    429: "429 Too Many Requests", 500: "500 Internal Server Error", 502: "502 Bad Gateway",
                    503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}.get(status, str(status))
            page = f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
            return self.reply(status, page.encode(), "text/html", **more)
        if how == "portal":
            return self.reply(302, b"", "text/html", Location="http://login.guest.example:%d/page/login" % self.server.plain_port)
        if how == "page":
            return self.reply(200, PORTAL, "text/html")
        if how == "empty":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if body is None:
            return self.reply(404, b"<html><head><title>404 Not Found</title></head></html>\r\n", "text/html")
        n = self.counts[self.path] = self.counts.get(self.path, 0) + 1
        begin, status, more = 0, 200, {}
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and how not in ("norange",):
            begin = int(wanted[6:].split("-")[0])
            if begin >= len(body):
                return self.reply(416, b"", Content_Range=f"bytes */{len(body)}")
            status, more = 206, {"Content_Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"}
        rest = body[begin:]
        if how == "flip":
            rest = bytearray(rest)
            rest[len(rest) // 2] ^= 0x10
            rest = bytes(rest)
        if how in ("plain", "flip", "norange") or how == "flaky" and n % 3 == 0:
            return self.reply(status, rest, Accept_Ranges="bytes", **more)
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("Accept-Ranges", "bytes")
        for k, v in more.items():
            self.send_header(k.replace("_", "-"), v)
        self.end_headers()
        if self.command == "HEAD":
            return
        part = rest[:len(rest) * 2 // 5]
        if how == "slow":
            for i in range(0, len(part), 2048):
                self.wfile.write(part[i:i + 2048])
                time.sleep(1)
            return
        self.wfile.write(part)
        self.wfile.flush()
        time.sleep(0.3)
        if how in ("short", "flaky"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif how == "reset":
            self.abort()
        elif how == "stall":
            time.sleep(120)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    plain_port = 80

    def handle_error(self, request, address):
        pass


def http_server(port, address="127.0.0.1", certificate=None, handler=Liar):
    s = Server((address, port), handler)
    if certificate:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(certificate[0], certificate[1])
        s.socket = c.wrap_socket(s.socket, server_side=True)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


def silent_port(port, address="127.0.0.1"):
    """Takes connections and never says a word."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(50)
    kept = []

    def serve():
        while True:
            kept.append(s.accept())

    threading.Thread(target=serve, daemon=True).start()


def full_port(port, address="127.0.0.1"):
    """Does not even take connections: the queue is full, so that connecting times out."""
    s = socket.socket()
    s.bind((address, port))
    s.listen(0)
    kept = [s]
    for _ in range(3):
        c = socket.socket()
        c.setblocking(False)
        try:
            c.connect((address, port))
        except BlockingIOError:
            pass
        kept.append(c)
    return kept


def authority(folder, name="Acme Device CA"):
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/O=Acme/CN={name}",
                    "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem"], check=True, capture_output=True)
    return f"{folder}/ca.pem", f"{folder}/ca.key"


def issue(folder, name, ca, hosts=(), begin=None, end=None, extended="serverAuth", subject=None):
    """A certificate for hosts, valid from begin to end (YYYYMMDDHHMMSSZ)."""
    ext = f"{folder}/{name}.ext"
    with open(ext, "w") as f:
        f.write(f"basicConstraints=CA:FALSE\nextendedKeyUsage={extended}\n")
        if hosts:
            f.write("subjectAltName=" + ",".join("DNS:" + h for h in hosts) + "\n")
    q = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True)
    subject = subject or f"/O=Acme/CN={hosts[0] if hosts else name}"
    q("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
    open(f"{folder}/{name}.index", "w").close()
    with open(f"{folder}/{name}.serial", "w") as f:
        f.write("%04X\n" % (hash(name) & 0x7FFF | 0x1000))
    with open(f"{folder}/{name}.cnf", "w") as f:
        f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/{name}.index\nserial={folder}/{name}.serial\nnew_certs_dir={folder}\n"
                "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\norganizationName=optional\ncommonName=supplied\n")
    q("ca", "-batch", "-config", f"{folder}/{name}.cnf", "-cert", ca[0], "-keyfile", ca[1], "-in", f"{folder}/{name}.csr",
      "-out", f"{folder}/{name}.pem", "-notext", "-extfile", ext, "-startdate", begin or "20250101000000Z", "-enddate", end or "20351231000000Z")
    return f"{folder}/{name}.pem", f"{folder}/{name}.key"
