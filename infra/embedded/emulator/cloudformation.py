"""What the emulator's CloudFormation leaves out of a template."""

from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

_NO_EFFECT = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
"""Accepted without effect: the emulator has no network to guard."""


def apply() -> None:
    """Honour a table's time to live, accept what has no meaning here."""
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS
    table = handlers["AWS::DynamoDB::Table"]
    table["create"] = _with_time_to_live(table["create"])
    network = handlers["AWS::EC2::VPC"]
    network["create"] = _with_address_block(network["create"])
    for kind in _NO_EFFECT:
        handlers.setdefault(kind, {"create": _accept, "delete": _forget})


def _with_time_to_live(create: Any) -> Any:
    def create_and_set(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        made = create(logical_id, properties, stack_name)
        if specification := properties.get("TimeToLiveSpecification"):
            enabled = str(specification.get("Enabled")).lower() == "true"
            dynamodb._update_ttl(
                {"TableName": made[0], "TimeToLiveSpecification": {**specification, "Enabled": enabled}}
            )
        return made

    return create_and_set


def _with_address_block(create: Any) -> Any:
    """A network's address range can be asked of it, which an interface endpoint's security group does."""

    def create_and_tell(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        identifier, attributes = create(logical_id, properties, stack_name)
        return identifier, {**attributes, "CidrBlock": properties.get("CidrBlock", "")}

    return create_and_tell


def _accept(logical_id: str, _properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    return f"{stack_name}-{logical_id}", {}


def _forget(*_: object, **__: object) -> None:
    """Nothing was made, so nothing is left."""
