"""A function of the same frameworks that does nothing of ours: one route that reads one item of the table."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from fastapi import FastAPI
from mangum import Mangum

logger = Logger(service="peer")
app = FastAPI()
table = boto3.client("dynamodb")


@app.get("/{path:path}")
def read(path: str) -> dict[str, Any]:
    """Whether there is an item."""
    key = {"pk": {"S": "PEER"}, "sk": {"S": path}}
    found = table.get_item(TableName=os.environ["TABLE_NAME"], Key=key)
    return {"path": path, "found": "Item" in found}


handler = Mangum(app, lifespan="off")
