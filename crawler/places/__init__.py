"""Regions and services in words: from what a vendor writes to the ids of the catalog.

`gazetteer` knows one vendor's places and finds them in fields and prose; `names` is how a name is spelt and
compared; `atlas` has the places that everybody knows, for vendors whose own are not listed; `subject` says what a report is about; `pointers` finds reports that only point to another one.
"""

from crawler.places.atlas import atlas
from crawler.places.gazetteer import Gazetteer, Mention, Recovery, Scope, split_title
from crawler.places.pointers import linked_to
from crawler.places.subject import Named, Subject, subject

__all__ = [
    "Gazetteer",
    "Mention",
    "Named",
    "Recovery",
    "Scope",
    "Subject",
    "atlas",
    "linked_to",
    "split_title",
    "subject",
]
