"""Tokens: good ones, and those that must be refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any


def encode(data: bytes) -> str:
    """Base64 as a JWT has it (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(secret: bytes, claims: Mapping[str, Any], algorithm: str = "HS256") -> str:
    """A token with these claims."""
    header = {"typ": "JWT", "alg": algorithm}
    signed = ".".join(encode(json.dumps(part).encode()) for part in [header, claims])
    if algorithm == "none":
        return signed + "."
    return f"{signed}.{signature(secret, signed)}"


def signature(secret: bytes, signed: str) -> str:
    """The signature of a token by HS256 (RFC 7518, section 3.2)."""
    return encode(hmac.digest(secret, signed.encode(), hashlib.sha256))


class Issuer:
    """Signs tokens of users with a shared secret."""

    def __init__(self, secret: bytes, claims: Mapping[str, Any] | None = None) -> None:
        """`claims` are added to each token: an issuer, an audience, or the user id at another path."""
        self._secret, self._claims = secret, dict(claims or {})

    def __repr__(self) -> str:
        return "Issuer(…)"

    def _of(self, user: int) -> dict[str, Any]:
        return {"sub": user, "exp": int(time.time()) + 4 * 3600} | self._claims

    def token(self, user: int) -> str:
        """A good one, for four hours."""
        return sign(self._secret, self._of(user))

    def refused(self, user: int) -> Iterator[tuple[str, str]]:
        """What is wrong with a token, and the token."""
        good = self._of(user)
        signed = sign(self._secret, good)
        head, body, signature = signed.split(".")
        changed = encode(json.dumps(good | {"exp": good["exp"] + 1}).encode())
        yield "no JWT", "YOUR_JWT_TOKEN"
        yield "expired", sign(self._secret, good | {"exp": int(time.time()) - 3600})
        yield "without exp", sign(self._secret, {k: v for k, v in good.items() if k != "exp"})
        yield "not valid yet", sign(self._secret, good | {"nbf": int(time.time()) + 3600})
        yield "another secret", sign(b"x" * 48, good)
        yield "alg none", sign(self._secret, good, "none")
        yield "another algorithm named", sign(self._secret, good, "HS512")
        yield "changed claims", f"{head}.{changed}.{signature}"
        yield "no signature", f"{head}.{body}."
        if not self._claims:
            yield "a user that is no id", sign(self._secret, good | {"sub": "x"})


class Given:
    """A token that was given: there is one user, and no other token can be made."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "Given(…)"

    def token(self, user: int) -> str:  # noqa: ARG002
        """The token, whoever is asked for."""
        return self._token

    def refused(self, user: int) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """As far as a token can be spoiled without the key."""
        head, body, signature = self._token.split(".")
        spoiled = ("A" if signature[0] != "A" else "B") + signature[1:]
        yield "no JWT", "YOUR_JWT_TOKEN"
        yield "another signature", f"{head}.{body}.{spoiled}"
        yield "no signature", f"{head}.{body}."
