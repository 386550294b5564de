"""Bodies of the do-not-call routes."""

from pydantic import ConfigDict

from sovereign.do_not_call import Listing
from sovereign.http import RequestModel


class ListingBody(RequestModel, Listing):
    """A number that is not to be called any more."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case
