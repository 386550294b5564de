"""The one home of boto3: clients are made here, once per process, with bounded waiting."""

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

_WAITING = Config(
    connect_timeout=3,
    # three tries end in 18 s: before an API function does (29 s), so that a service that hangs is answered with a 503,
    # and often enough for a node that cannot write its heartbeat (60 s); the emulator on a busy machine takes seconds
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=50,
    # mypy checks requests against the same models; at run time that is a third of what one costs (decision 023)
    parameter_validation=False,
)
_FILE_READ_SECONDS = 29
"""S3 copies files, and puts their parts together, before it answers."""
ONCE_READ_SECONDS = 25
"""How long the answer of a request sent once is waited for: the gateway function it goes to ends before that, and the
routes that send it have 29 s."""


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["kms"]) -> "KMSClient": ...
@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["ssm"]) -> "SSMClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@cache
def client(service: Any) -> Any:
    """The process's client for an AWS service; endpoint, region and credentials come from the environment."""
    return _made(service, _WAITING.merge(Config(read_timeout=_FILE_READ_SECONDS)) if service == "s3" else _WAITING)


@cache
def lambda_client_sending_once() -> "LambdaClient":
    """A Lambda client that sends each request once: what it invokes must not be done twice when an answer gets lost."""
    once = Config(read_timeout=ONCE_READ_SECONDS, retries={"mode": "standard", "total_max_attempts": 1})
    made: LambdaClient = _made("lambda", _WAITING.merge(once))
    return made


def _made(service: str, waiting: Config) -> Any:
    session = botocore.session.Session()
    session.register_component("data_loader", _KnownService(service))
    if service == "dynamodb":
        session.register_component("response_parser_factory", _Parsers())
    # a name for itself that stands: the one botocore makes up is put together anew, twice for each request
    chosen = Config(signature_version="v4", user_agent=session.user_agent())
    if service == "s3":
        # presigned requests must expire and carry their headers, which only version 4 does; and they must go to the
        # region itself: what botocore chooses on its own redirects those to new buckets, and no form follows
        chosen = chosen.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    made: Any = boto3.Session(botocore_session=session)
    return made.client(service, config=waiting.merge(chosen))


class _KnownService(Loader):
    """Finds a service's model without listing the directories of all four hundred services first."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the loader's interface
        """The one service whose client is made."""
        return [self._service]


class _Parsers(ResponseParserFactory):
    """Leaves attribute values as DynamoDB sends them, for `attribute_values` to read."""

    def create_parser(self, protocol_name: str) -> ResponseParser:
        """The parser of an answer."""
        return _AttributeValuesAsSent() if protocol_name == "json" else super().create_parser(protocol_name)


class _AttributeValuesAsSent(JSONParser):
    def _handle_map(self, shape: Any, value: Any) -> Any:
        known: Any = super()
        return value if shape.value.name == "AttributeValue" else known._handle_map(shape, value)
