"""The contract of a feed whose keys begin with its domain, so that two domains may have feeds of one name."""

from __future__ import annotations

from dataclasses import replace

from platform_assets.contracts.model import Contract


def under_domain(contract: Contract) -> Contract:
    """The contract with its domain in the feed's name and in the end of its assets' keys.

    What it refers to as `orders` is the feed of that name in the same domain.
    """
    domain = (contract.domain or "").split("/")
    rules = []
    for rule in contract.batch_rules:
        if rule.reference is not None and rule.reference.asset.startswith("raw/"):
            asset = "/".join(["raw", *domain, rule.reference.asset.removeprefix("raw/")])
            rule = replace(rule, reference=replace(rule.reference, asset=asset))
        rules.append(rule)
    name = "__".join([*domain, contract.name])
    return replace(contract, name=name, batch_rules=tuple(rules), key=(*domain, contract.name))
