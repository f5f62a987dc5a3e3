"""Many clips through one pipeline: claimed one by one, resumable by content, in any number of processes."""

from spa2v.jobs.batch.goals import STAGES, Goal
from spa2v.jobs.batch.items import Item, read_items
from spa2v.jobs.batch.runner import Batch
from spa2v.jobs.batch.summary import Summary, write_summary

__all__ = ["STAGES", "Batch", "Goal", "Item", "Summary", "read_items", "write_summary"]
