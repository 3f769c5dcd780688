from .api_keys import ApiKey, ApiRequest
from .tries import Tries
from .users import User

__all__ = ["ApiKey", "ApiRequest", "Tries", "User"]
