"""The bill of materials in CycloneDX: each deployed package with its license, its hashes and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tools.admin.package.lock import Pin, environment


def bill_of_materials(release: str, installed: Sequence[Distribution], pins: Mapping[str, Pin], python: str) -> str:
    """Return the document for this release of the app."""
    bom = Bom()
    app = Component(name="cosell-sync", version=release, type=ComponentType.APPLICATION, bom_ref="cosell-sync")
    bom.metadata.component = app
    components = {canonicalize_name(each.name): _component(each, pins) for each in installed}
    for component in components.values():
        bom.components.add(component)
    bom.register_dependency(app, components.values())
    for each in installed:
        needed = [components[name] for name in _needs(each, python) if name in components]
        bom.register_dependency(components[canonicalize_name(each.name)], needed)
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _component(each: Distribution, pins: Mapping[str, Pin]) -> Component:
    name = canonicalize_name(each.name)
    purl = PackageURL("pypi", None, name, each.version)
    # The lock has the hash of every file of the release; which of them was taken follows from the platform.
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=value.removeprefix("sha256:")) for value in pins[name].hashes]
    files = ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), hashes=hashes)
    return Component(
        name=name,
        version=each.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=_licenses(each),
        external_references=[files],
    )


def _licenses(each: Distribution) -> list[DisjunctiveLicense]:
    """Return the license by the package's own words: the expression, the classifiers, or a short free text."""
    about = each.metadata
    if "License-Expression" in about:
        return [DisjunctiveLicense(name=about["License-Expression"])]
    classifiers = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    free = about["License"].splitlines()[:1] if "License" in about else []
    return [DisjunctiveLicense(name=name) for name in classifiers or free]


def _needs(each: Distribution, python: str) -> list[NormalizedName]:
    """Return the names of what it depends on there."""
    there = environment(python) | {"extra": ""}
    wanted = map(Requirement, each.requires or [])
    return [canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate(dict(there))]
