from .api_keys import ApiKey, ApiRequest
from .users import User

__all__ = ["ApiKey", "ApiRequest", "User"]
