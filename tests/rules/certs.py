"""tests/rules/certs.py — certificates put together by hand, right or wrong in
any octet, thousands of them a second.

Keys are points of P-256 with small factors, and every signature uses the
nonce 1, whose point is the base point: signing is one multiplication, and
what is signed so is worth nothing but for tests.
"""
import hashlib

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
SHA1 = bytes.fromhex("300906072a8648ce3d0401")
ON_P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
CLIENT, SERVER = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"
LOGON, MAIL, ANY = "1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.5.7.3.4", "2.5.29.37.0"


# ---- DER

def tlv(tag, *parts):
    contents = b"".join(parts)
    n = len(contents)
    if n < 0x80:
        return bytes([tag, n]) + contents
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + contents


def seq(*parts):
    return tlv(0x30, *parts)


def integer(n):
    return tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))


def oid(text):
    first, second, *rest = [int(x) for x in text.split(".")]
    out = bytes([40 * first + second])
    for n in rest:
        part = bytes([n & 0x7F])
        while n > 0x7F:
            n >>= 7
            part = bytes([0x80 | n & 0x7F]) + part
        out += part
    return tlv(0x06, out)


def name(text, kind="2.5.4.3", tag=0x0C):
    """A common name; "" is no name at all."""
    return seq(tlv(0x31, seq(oid(kind), tlv(tag, text.encode())))
               if text else b"")


# ---- keys

def add(a, b):
    if a == b:
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


class Key:
    points = [None, G]

    def __init__(self, factor):
        while len(self.points) <= factor:
            self.points.append(add(self.points[-1], G))
        self.factor = factor
        x, y = self.points[factor]
        bits = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
        self.bits = bits
        self.info = seq(ON_P256, tlv(0x03, b"\0" + bits))
        self.id = hashlib.sha1(bits).digest()

    def sign(self, data, digest="sha256"):
        z = int.from_bytes(hashlib.new(digest, data).digest(), "big")
        s = (z + G[0] % N * self.factor) % N
        return seq(integer(G[0] % N), integer(s))


# ---- extensions

def ext(what, value, critical=False):
    flag = tlv(0x01, b"\xff") if critical else b""
    return seq(oid(what), flag, tlv(0x04, value))


def basic(ca=True, length=None, critical=True):
    return ext("2.5.29.19",
               seq(tlv(0x01, b"\xff") if ca else b"",
                   b"" if length is None else integer(length)), critical)


def usage(*bits):
    value = sum(0x80 >> b for b in bits)
    spare = 7 - max(bits) if bits else 0
    return ext("2.5.29.15", tlv(0x03, bytes([spare, value])), True)


SIGNS, CERTIFIES, ENCIPHERS = usage(0), usage(5, 6), usage(2)


def subject_id(key):
    return ext("2.5.29.14", tlv(0x04, key.id))


def issuer_id(key):
    return ext("2.5.29.35", seq(tlv(0x80, key.id)))


def purposes(*oids):
    return ext("2.5.29.37", seq(*map(oid, oids)))


def dns(text):
    return tlv(0x82, text.encode())


def mail(text):
    return tlv(0x81, text.encode())


def uri(text):
    return tlv(0x86, text.encode())


def ip(*octets):
    return tlv(0x87, bytes(octets))


def directory(text):
    return tlv(0xA4, name(text))


def names(*parts, critical=False):
    return ext("2.5.29.17", seq(*parts), critical)


def constraints(permitted=None, excluded=None, critical=True):
    """Lists of names; [] is a list without any."""
    def trees(tag, bases):
        return b"" if bases is None else tlv(tag, *map(seq, bases))
    return ext("2.5.29.30", seq(trees(0xA0, permitted),
                                trees(0xA1, excluded)), critical)


# ---- certificates

class Cert:
    """What is certified: a subject, its key, and the certificate's DER."""
    serial = 4096

    def __init__(self, subject, key, issuer=None, exts=(), **other):
        """`issuer`: a Cert; None: itself. `other`: `start`, `end` (whole
        elements), `serial`, `version`, `algorithm`, `by` (the issuer's name),
        `info` (of the key), `change` (the inner part, before it is signed)."""
        Cert.serial += 1
        self.subject, self.key = subject, key
        self.serial = other.get("serial", Cert.serial)
        signer = issuer.key if issuer else key
        by = other.get("by", issuer.subject if issuer else subject)
        algorithm = other.get("algorithm", SHA256)
        version = other.get("version", 2)
        tbs = seq(
            tlv(0xA0, integer(version)) if version else b"",
            integer(self.serial), algorithm, name(by),
            seq(other.get("start", tlv(0x17, b"240101000000Z")),
                other.get("end", tlv(0x17, b"400101000000Z"))),
            name(subject) if isinstance(subject, str) else subject,
            other.get("info", key.info),
            tlv(0xA3, seq(*exts)) if exts else b"")
        tbs = other.get("change", lambda x: x)(tbs)
        digest = "sha1" if algorithm == SHA1 else "sha256"
        self.der = seq(tbs, algorithm,
                       tlv(0x03, b"\0" + signer.sign(tbs, digest)))


def root(subject, key, *exts, **other):
    return Cert(subject, key, None, (basic(), CERTIFIES, subject_id(key)) +
                exts, **other)


def ca(subject, key, issuer, *exts, **other):
    """`basic`, `usage`: instead of the usual extensions; b"" for none."""
    usual = (other.pop("basic", basic()), other.pop("usage", CERTIFIES),
             subject_id(key), issuer_id(issuer.key))
    return Cert(subject, key, issuer, usual + exts, **other)


def card(key, issuer, *exts, **other):
    """`usage`, `purposes`: as above; `subject`, `ids`."""
    subject = other.pop("subject", "card")
    usual = (other.pop("usage", SIGNS),
             other.pop("purposes", purposes(CLIENT, LOGON)),
             other.pop("ids", subject_id(key) + issuer_id(issuer.key)))
    return Cert(subject, key, issuer, usual + exts, **other)
