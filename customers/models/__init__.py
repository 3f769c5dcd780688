from .customers import ContactKind, ContactPoint, Customer, PreferredChannel

__all__ = ["ContactKind", "ContactPoint", "Customer", "PreferredChannel"]
