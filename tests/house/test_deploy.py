"""The files under deploy/ are what docs/operations.md says: taken by nginx and systemd, and true to the product."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config import Config
from marketplace import append_only
from marketplace.templating import asset
from tests.house.source import ROOT
from tests.house.test_serving import START_SECONDS, free_port, web_server

DEPLOY = ROOT / "deploy"
HOST = "shop.example"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
ANALYZE = shutil.which("systemd-analyze")
PICTURE = "0123456789abcdef" * 2
pytestmark = pytest.mark.nodatabase


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def test_every_file_is_named_in_the_document() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [path.name for path in DEPLOY.iterdir() if f"deploy/{path.name}" not in page] == []


def test_grants_take_what_is_final_from_the_sites_role() -> None:
    text = read("grants.sql")
    taken = re.search(r"REVOKE UPDATE, DELETE ON ([a-z_, ]+) FROM ganchengji", text)
    assert taken
    assert tuple(taken[1].split(", ")) == append_only.APPEND_ONLY
    for sealed in append_only.SEALED:
        assert f"REVOKE UPDATE, DELETE ON {sealed} FROM" in text
        assert f"GRANT UPDATE (day, number, digest) ON {sealed} TO" in text


def test_the_environment_names_options_that_exist_and_all_that_production_needs() -> None:
    known = {item.metadata["name"] for item in fields(Config) if item.metadata}
    named = set(re.findall(r"^([A-Z_]+)=", read("environment.example"), re.MULTILINE))
    assert named <= known
    asked = {sentence.split()[0] for sentence in Config.from_environment({"DEMO": "0"}).problems()}
    assert asked <= named


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units = [path for path in DEPLOY.iterdir() if path.suffix in {".service", ".socket", ".timer"}]
    assert len(units) == 5
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        assert "127.0.0.1:8000" in text or unit.suffix != ".socket"
        # The commands and the user are there on the machine itself.
        text = re.sub(r"/srv/ganchengji/\.venv/bin/python", "/bin/true", text)
        text = re.sub(r"^(User|Group|EnvironmentFile)=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    assert ANALYZE
    done = subprocess.run(
        [ANALYZE, "verify", *sorted(str(path) for path in tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "ganchengji" in line]
    assert ours == []


# Says what reached the application, and with which headers it came.
LOOKING_GLASS = """
import json, sys
from marketplace import serving

def create_app(settings):
    def application(environ, start_response):
        length = len(environ["wsgi.input"].read())
        names = ("HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST",
                 "HTTP_X_REQUEST_ID", "PATH_INFO")
        seen = {name: environ.get(name) for name in names} | {"length": length}
        status = "503 Service Unavailable" if environ["PATH_INFO"] == "/busy" else "200 OK"
        start_response(status, [("Content-Type", "application/json"), ("Retry-After", "3"),
                                ("X-Content-Type-Options", "nosniff")])
        return [json.dumps(seen).encode()]
    return application

serving.create_app = create_app
sys.exit(serving.main())
"""


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@contextlib.contextmanager
def nginx(folder: Path, site_port: int) -> Iterator[int]:
    """nginx with the deploy files, only its ports and folders changed; the port at which it speaks TLS."""
    tls, plain = free_port(), free_port()
    make_certificate(folder)
    for path in DEPLOY.glob("nginx*.conf"):
        text = path.read_text(encoding="utf-8")
        for before, after in (
            ("/srv/ganchengji/deploy/nginx-", f"{folder}/nginx-"),
            ("/srv/ganchengji", str(ROOT)),
            ("/var/lib/ganchengji", str(folder)),
            ("/etc/ganchengji/tls", str(folder)),
            ("127.0.0.1:8000", f"127.0.0.1:{site_port}"),
        ):
            text = text.replace(before, after)
        text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"listen 80\b", f"listen 127.0.0.1:{plain}", text)
        text = re.sub(r"listen 443\b", f"listen 127.0.0.1:{tls}", text)
        (folder / path.name).write_text(text, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"""
        {"user root;" if Path("/root").owner() == Path(folder).owner() else ""}
        worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 200; }}
        http {{ access_log off; {temporary} include {folder}/nginx.conf; }}
    """
    (folder / "main.conf").write_text(whole, encoding="utf-8")
    assert NGINX
    process = subprocess.Popen([NGINX, "-c", str(folder / "main.conf"), "-e", str(folder / "error.log")])
    try:
        give_up = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", tls), timeout=5):
                break
            assert time.monotonic() < give_up
            time.sleep(0.02)
        yield tls
    finally:
        process.terminate()
        process.wait()


def ask(
    port: int, path: str, body: bytes | None = None, host: str = HOST, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname=host) as wrapped,
    ):
        connection = http.client.HTTPConnection(host)
        connection.sock = wrapped
        connection.request("POST" if body is not None else "GET", path, body, {"Host": host} | headers)
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
def test_nginx_hands_on_what_it_should_and_serves_files_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "looking_glass.py").write_text(LOOKING_GLASS, encoding="utf-8")
    picture = tmp_path / "media" / PICTURE[:2] / f"{PICTURE}-360.webp"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"a picture")
    with contextlib.ExitStack() as stack:
        site, _process = stack.enter_context(web_server(tmp_path, "looking_glass", PROXY_HOPS="1"))
        port = stack.enter_context(nginx(tmp_path, site))
        lies = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Host": "evil.example", "X-Request-Id": "mine"}
        answer, content = ask(port, "/en/basket?x=1", **lies)
        seen = json.loads(content)
        assert (seen["HTTP_HOST"], seen["HTTP_X_FORWARDED_HOST"]) == (HOST, HOST)
        assert (seen["HTTP_X_FORWARDED_FOR"], seen["HTTP_X_FORWARDED_PROTO"]) == ("127.0.0.1", "https")
        assert re.fullmatch(r"[0-9a-f]{32}", seen["HTTP_X_REQUEST_ID"])
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]  # not doubled
        assert answer.headers.get_all("Server") == ["nginx"]

        busy, _content = ask(port, "/busy")  # the shop's own refusal comes through
        assert (busy.status, busy.headers["Retry-After"]) == (503, "3")
        assert ask(port, "/basket/add", b"x" * 3_000_000)[0].status == 413
        assert json.loads(ask(port, "/en/seller/products/new", b"x" * 3_000_000)[1])["length"] == 3_000_000
        assert ask(port, "/metrics")[0].status == 404

        style, content = ask(port, asset("css/app.css"))
        assert (style.status, content) == (200, (ROOT / "static/css/app.css").read_bytes())
        assert style.headers["Content-Type"] == "text/css"
        assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        small, content = ask(port, asset("css/app.css"), **{"Accept-Encoding": "gzip"})
        assert small.headers["Content-Encoding"] == "gzip"
        shown, content = ask(port, f"/media/{PICTURE}/360.webp")
        assert (shown.headers["Content-Type"], content) == ("image/webp", b"a picture")
        assert shown.headers.get_all("Cache-Control") == ["public, max-age=31536000, immutable"]
        gone = json.loads(ask(port, f"/media/{PICTURE[::-1]}/360.webp")[1])
        assert gone["PATH_INFO"].startswith(
            "/media/"
        )  # what is not on the disk is the application's to refuse
        for path in ("/static/0123456789ab/../../config.py", "/static/0123456789ab/css/../../config.py"):
            assert b"Config" not in ask(port, path)[1]
        with pytest.raises(ssl.SSLError):
            ask(port, "/", host="evil.example")

        # Phones that trickle hold nobody up, and nothing of theirs reaches the application.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for _ in range(24):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            phone = stack.enter_context(context.wrap_socket(raw, server_hostname=HOST))
            phone.sendall(
                f"POST /seller/x HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000\r\n\r\nxx".encode()
            )
        begun = time.monotonic()
        assert ask(port, "/")[0].status == 200
        assert time.monotonic() - begun < 5
    # The site is gone, and so is nginx; alone it says that the shop is being opened.
    with nginx(tmp_path, free_port()) as port:
        away, content = ask(port, "/checkout")
        assert (away.status, away.headers["Retry-After"]) == (503, "10")
        assert "请稍等" in content.decode()
