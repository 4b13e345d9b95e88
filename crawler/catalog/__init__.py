"""The catalog: who publishes where. `entries` are its types, `load` reads `data/catalog/*.yml`, `pages` its long list."""

from crawler.catalog.entries import (
    ALL,
    AUTHORITIES,
    CATEGORIES,
    CONTROL_PLANE,
    DURATION,
    GLOBAL,
    NOT_FETCHED,
    ROOT,
    SHIPPED,
    CatalogError,
    Region,
    Service,
    Source,
    Vendor,
)
from crawler.catalog.load import Catalog, load, load_vendor

__all__ = [
    "ALL",
    "AUTHORITIES",
    "CATEGORIES",
    "CONTROL_PLANE",
    "DURATION",
    "GLOBAL",
    "NOT_FETCHED",
    "ROOT",
    "SHIPPED",
    "Catalog",
    "CatalogError",
    "Region",
    "Service",
    "Source",
    "Vendor",
    "load",
    "load_vendor",
]
