"""Certificates for tests of TLS, made by `openssl`: an authority of the tests' own, and what it signs, good and bad."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from logsentry.errors import Unavailable

GOOD = "DNS:localhost,IP:127.0.0.1"


class Authority:
    """A certificate authority in a folder; `path` is its certificate."""

    def __init__(self, folder: Path) -> None:
        """Raises `Unavailable` where there is no `openssl`."""
        if shutil.which("openssl") is None:
            raise Unavailable("there is no openssl to make certificates with")
        self._folder = folder
        self.path = folder / "authority.pem"
        self._key = folder / "authority.key"
        subject = ["-subj", "/CN=authority of the tests", "-keyout", str(self._key), "-out", str(self.path)]
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
        (folder / "index.txt").touch()
        (folder / "ca.cnf").write_text(_settings(folder))

    def sign(self, name: str, names: str = GOOD, days: tuple[int, int] = (-1, 2)) -> tuple[Path, Path]:
        """(certificate and its authority's, key) for a server of these names, valid from and until so many days from now."""
        certificate, key, request, extra = (self._folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        extra.write_text(f"subjectAltName={names}\n")
        first, last = ((datetime.now(UTC) + timedelta(days=day)).strftime("%y%m%d%H%M%SZ") for day in days)
        dates = ["-startdate", first, "-enddate", last]
        what = ["-in", str(request), "-out", str(certificate), "-extfile", str(extra), "-cert", str(self.path), "-keyfile"]
        _openssl("ca", "-batch", "-notext", "-config", str(self._folder / "ca.cnf"), *dates, *what, str(self._key))
        with open(certificate, "a") as file:
            file.write(self.path.read_text())
        return certificate, key


def fingerprint(certificate: Path) -> str:
    """The SHA-256 of a file's first certificate, in hexadecimal."""
    first, end, _ = certificate.read_text().partition("-----END CERTIFICATE-----")
    return sha256(ssl.PEM_cert_to_DER_cert(first + end)).hexdigest()


def serving(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"openssl {words[0]} failed: {done.stderr.strip()[-300:]}")


def _settings(folder: Path) -> str:
    """The least that `openssl ca` wants, which alone can give a certificate that has expired."""
    return (
        "[ca]\ndefault_ca = tests\n"
        f"[tests]\nnew_certs_dir = {folder}\ndatabase = {folder}/index.txt\nrand_serial = yes\ndefault_md = sha256\n"
        "policy = any\nunique_subject = no\n"
        "[any]\ncommonName = supplied\n"
    )
