"""RSA keys of the simulators."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives.asymmetric import rsa


def new_key() -> rsa.RSAPrivateKey:
    """Return a key that nobody has."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def key_of(owner: str) -> rsa.RSAPrivateKey:  # noqa: ARG001 - what tells keys apart
    """Return the key of an owner: the same all through a process, since making keys takes longer than all else."""
    return new_key()
