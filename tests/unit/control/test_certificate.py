"""The certificate a node makes for itself."""

import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from media.control.certificate import make_certificate


def test_certificate_names_its_host_and_is_its_own_issuer() -> None:
    made = make_certificate("node-1", "10.1.2.3", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    read = x509.load_pem_x509_certificate(made.pem.encode())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.1.2.3"]
    assert read.issuer == read.subject
    assert isinstance(read.public_key(), ec.EllipticCurvePublicKey)
    assert read.not_valid_before_utc < datetime(2026, 1, 1, tzinfo=UTC) < read.not_valid_after_utc
    read.verify_directly_issued_by(read)


def test_certificate_for_a_name_and_two_of_one_node_differ() -> None:
    first, second = make_certificate("n", "node.internal"), make_certificate("n", "node.internal")
    names = x509.load_pem_x509_certificate(first.pem.encode()).extensions
    san = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["node.internal"]
    assert first.pem != second.pem


def test_key_is_not_printed_and_serves_tls() -> None:
    made = make_certificate("n", "127.0.0.1")
    assert "PRIVATE" not in repr(made)
    assert made.server_context().minimum_version is ssl.TLSVersion.TLSv1_2
