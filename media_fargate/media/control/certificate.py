"""The certificate a node makes for itself; its PEM goes into the node's item and the gateway trusts nothing else."""

import ipaddress
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sovereign.kernel.clock import Clock, utc_now

__all__ = ["NodeCertificate", "make_certificate"]

_VALIDITY = timedelta(days=3650)
"""Trust comes and goes with the node's item, not with a date."""


@dataclass(frozen=True)
class NodeCertificate:
    """A self-signed certificate (PEM) and its key (PEM), which never leaves the process."""

    pem: str
    key_pem: bytes = field(repr=False)

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # the ssl module reads keys from files only: a directory of mode 0700 that is gone right after
        with tempfile.TemporaryDirectory(prefix="sovereign-node-") as folder:
            path = Path(folder) / "node.pem"
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(self.key_pem + self.pem.encode())
            context.load_cert_chain(path)
        return context


def make_certificate(node_id: str, host: str, clock: Clock = utc_now) -> NodeCertificate:
    """An ECDSA P-256 certificate for `host` (IP address or name), its own issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sovereign-node-{node_id}"[:64])])
    now = clock()
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        # it is its own issuer: verifiers that check strictly want that said
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return NodeCertificate(certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
