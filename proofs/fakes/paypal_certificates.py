"""The keys that sign the fake's webhooks, under a certificate authority of its own.

Root, issuer and leaf, as PayPal's are; all lie in the ledger, so that who trusts the root
still does after a restart and what waits there is signed under an address that is served.
"""

import base64
import threading
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proofs.fakes.ledger import Ledger

AUTHORITY = "authority"
CERTIFICATE = "certificate"
HOST = "messageverificationcerts.paypal.com"
PATH = "/v1/notifications/certs/"
KEY_BITS = 2048
# Both ways: the clock of what is under proof may be moved.
VALID = timedelta(days=3650)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Signer:
    """Signs with the newest certificate; older ones are served for ever.

    `root` is the PEM to trust, which is also written to `root_path`.
    """

    def __init__(self, ledger: Ledger, root_path: Path | None = None) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        found = ledger.get(AUTHORITY, "fake")
        self._authority = _new_authority() if found is None else found
        if found is None:
            ledger.put(AUTHORITY, "fake", self._authority)
        self.root: str = self._authority["root"]
        if root_path is not None:
            root_path.write_text(self.root)
        kept = ledger.objects(CERTIFICATE)
        if kept:
            self._use(kept[-1]["id"], kept[-1]["key"])
        else:
            self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on, under a new address."""
        issuer = x509.load_pem_x509_certificate(self._authority["issuer"].encode())
        key = _new_key()
        names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        leaf = (
            _builder(HOST, issuer.subject, key, ca=False)
            .add_extension(names, critical=False)
            .add_extension(usage, critical=False)
            .add_extension(_issued_by(issuer), critical=False)
            .sign(_issuer_key(self._authority["issuer_key"]), hashes.SHA256())
        )
        identity = f"CERT-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:8]}"
        row = {
            "id": identity,
            "chain": _pem(leaf) + self._authority["issuer"],
            "key": _key_pem(key),
        }
        self._ledger.put(CERTIFICATE, identity, row)
        self._use(identity, row["key"])

    def chain(self, identity: str) -> str | None:
        """Leaf and issuer as PEM, in this order."""
        found = self._ledger.get(CERTIFICATE, identity)
        return None if found is None else str(found["chain"])

    def headers(self, body: bytes, *, webhook_id: str, base: str) -> dict[str, str]:
        """PayPal's proof for this body; `base` is where the certificates are fetched."""
        with self._lock:
            identity, key = self._current
        transmission = str(uuid.uuid4())
        sent_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        message = f"{transmission}|{sent_at}|{webhook_id}|{zlib.crc32(body)}"
        signature = key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": sent_at,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": f"{base}{PATH}{identity}",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }

    def _use(self, identity: str, key: str) -> None:
        with self._lock:
            self._current = identity, _loaded(key)


def _new_authority() -> dict[str, str]:
    """Root, issuer and the issuer's key as PEM; the root's key is thrown away."""
    # Of elliptic curves, which are made in no time; only the leaf must be RSA.
    root_key, issuer_key = (ec.generate_private_key(ec.SECP256R1()) for _ in "12")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fake PayPal Root CA")])
    builder = _builder("Fake PayPal Root CA", name, root_key, ca=True)
    root = builder.sign(root_key, hashes.SHA256())
    issuer = (
        _builder("Fake PayPal Issuing CA", root.subject, issuer_key, ca=True)
        .add_extension(_issued_by(root), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return {
        "root": _pem(root),
        "issuer": _pem(issuer),
        "issuer_key": _key_pem(issuer_key),
    }


def _builder(
    common_name: str, issuer: x509.Name, key: Key, *, ca: bool
) -> x509.CertificateBuilder:
    moment = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - VALID)
        .not_valid_after(moment + VALID)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _issued_by(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _issuer_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not a key of an elliptic curve")
    return key


def _loaded(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key
