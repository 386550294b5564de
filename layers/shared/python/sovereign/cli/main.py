"""The command line: every command prints one JSON object; a refusal is one line on stderr and exit status 1."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sovereign.cli import commands
from sovereign.kernel.errors import DomainError
from sovereign.kernel.settings import ConfigurationError, Environment, read_environment
from sovereign.kernel.table import Table


class CliEnvironment(Environment):
    """TABLE_NAME: the table of the stage to act on; `--table` beats it."""

    table_name: str


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status. 2 for a wrong command line, as argparse has it."""
    options = _parser().parse_args(arguments)
    try:
        table = Table(options.table or read_environment(CliEnvironment).table_name)
        printed = options.run(table, options)
    except DomainError as refused:
        return _fail("; ".join([str(refused), *refused.details]))
    except ConfigurationError as missing:
        return _fail(f"{missing} (set it, or name the table with --table)")
    except ClientError as refused:
        return _fail(f"AWS refused {refused.operation_name}: {refused.response['Error']['Code']}")
    except BotoCoreError as failure:
        return _fail(f"AWS could not be asked: {type(failure).__name__}; check region and credentials")
    sys.stdout.write(json.dumps(printed, indent=2) + "\n")
    return 0


def _fail(reason: str) -> int:
    sys.stderr.write(f"sovereign: {reason}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sovereign", description="Operate a Sovereign deployment.")
    parser.add_argument("--table", help="the stage's table (default: the variable TABLE_NAME)")
    areas = parser.add_subparsers(required=True, metavar="area")
    _add_admin(areas.add_parser("admin", help="organizations").add_subparsers(required=True, metavar="command"))
    _add_credits(areas.add_parser("credits", help="prepaid minutes").add_subparsers(required=True, metavar="command"))
    _add_numbers(areas.add_parser("numbers", help="phone numbers").add_subparsers(required=True, metavar="command"))
    _add_keys(areas.add_parser("keys", help="API keys").add_subparsers(required=True, metavar="command"))
    return parser


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def _add_admin(commands_of_area: "_Commands") -> None:
    create = commands_of_area.add_parser("create-organization", help="make a top-level organization with an API key")
    create.add_argument("--name", required=True, type=_name)
    create.add_argument("--billing-mode", required=True, choices=["metered", "unlimited"])
    create.add_argument("--unlimited-rate-key", action="store_true", help="add a second key without a rate limit")
    create.set_defaults(run=commands.create_organization)
    billing = commands_of_area.add_parser("set-billing-mode", help="change how an organization is billed")
    billing.add_argument("--org", required=True)
    billing.add_argument("--billing-mode", required=True, choices=["metered", "unlimited"])
    billing.set_defaults(run=commands.set_billing_mode)


def _add_credits(commands_of_area: "_Commands") -> None:
    add = commands_of_area.add_parser("add", help="add minutes to an organization's balance")
    add.add_argument("--org", required=True)
    add.add_argument("--minutes", required=True, type=_minutes)
    add.set_defaults(run=commands.add_credits)


def _add_numbers(commands_of_area: "_Commands") -> None:
    verify = commands_of_area.add_parser("verify", help="confirm that an organization owns a number")
    verify.add_argument("--org", required=True)
    verify.add_argument("--number", required=True, help="in E.164 form, e.g. +31201234567")
    verify.set_defaults(run=commands.verify_number)


def _add_keys(commands_of_area: "_Commands") -> None:
    limit = commands_of_area.add_parser("set-limit", help="change a key's requests a minute")
    limit.add_argument("--org", required=True)
    limit.add_argument("--key", required=True, help="the key's id")
    limit.add_argument("--per-minute", required=True, type=_limit, help="a number, or 'none'")
    limit.set_defaults(run=commands.set_key_limit)


def _name(text: str) -> str:
    if not 1 <= len(text) <= 200:
        raise argparse.ArgumentTypeError("must have 1 to 200 characters")
    return text


def _minutes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:10]) <= 100_000_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 100000000")
    return int(text)


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal() or not 1 <= int(text[:8]) <= 1_000_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000000, or 'none'")
    return int(text)
