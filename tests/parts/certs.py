"""A certificate authority of our own and a server certificate for 127.0.0.1, made with openssl."""

import pathlib
import subprocess


class Authority:
    """`ca_pem` is what a client trusts; `keystore_pem` is the server's PKCS#8 key followed by its chain."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_pem = folder / "ca.pem"
        self.keystore_pem = folder / "server.keystore.pem"
        self._issue(folder)

    def _issue(self, folder):
        ca_key, key, request, leaf = (folder / name for name in ("ca.key", "server.key", "server.csr", "server.pem"))
        names = folder / "names.cnf"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n", encoding="utf-8")
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Landfall test CA",
                 "-keyout", ca_key, "-out", self.ca_pem)
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca_pem, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
                 "-extfile", names, "-out", leaf)
        pkcs8 = _openssl("pkcs8", "-topk8", "-nocrypt", "-in", key)
        self.keystore_pem.write_bytes(pkcs8 + leaf.read_bytes() + self.ca_pem.read_bytes())


def _openssl(*words):
    command = ["openssl"] + [str(word) for word in words]
    return subprocess.run(command, check=True, capture_output=True).stdout
