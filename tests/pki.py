"""Certificate authorities of the tests' own, and the certificates that they issue."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, in one file too."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    path: Path

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )


class Pki:
    """Authorities and what they issued. Like those of EKS, they have no key identifiers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = self.issue("root", authority=True)
        self.other_root = self.issue("other-root", authority=True)
        self.intermediate = self.issue("intermediate", self.root, authority=True)
        self.server = self.issue("server", self.root, names=["127.0.0.1", "::1", "localhost"])
        self.named = self.issue("named", self.root, names=["api.example"])
        self.deep = self.issue("deep", self.intermediate, names=["127.0.0.1"])
        self.client = self.issue("client", self.root)

    def issue(
        self,
        name: str,
        issuer: Issued | None = None,
        *,
        names: Sequence[str] = (),
        authority: bool = False,
        lifetime: timedelta = timedelta(days=1),
    ) -> Issued:
        """Issue one more certificate; another one of the same ``name`` stays what it is.

        Args:
            name: The common name of the subject.
            issuer: The authority that signs; None: it signs itself.
            names: The hosts that it is for, by name or address.
            authority: Whether it may sign others.
            lifetime: How long it is still valid, in whole seconds; it has been for an hour already,
                so that a negative one makes a certificate that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            general = [_general_name(text) for text in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        issued = Issued(certificate, key, self._folder / f"{name}-{certificate.serial_number:x}")
        issued.path.write_bytes(issued.pem + issued.key_pem())
        return issued


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
