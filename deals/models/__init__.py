"""Pipelines with their stages and fields, deals, and what hangs on them."""

from deals.models.beside import DealFile, DealNote, DealTask, Overdue
from deals.models.boards import BoardDisplay, SavedView
from deals.models.deals import Deal, DealContact, DealSight
from deals.models.moves import StageMove
from deals.models.pipelines import DealField, LostReason, Ownership, Pipeline, PipelineSight, Role, Stage
from deals.models.tags import DealTag

__all__ = [
    "BoardDisplay",
    "Deal",
    "DealContact",
    "DealField",
    "DealFile",
    "DealNote",
    "DealSight",
    "DealTag",
    "DealTask",
    "LostReason",
    "Overdue",
    "Ownership",
    "Pipeline",
    "PipelineSight",
    "Role",
    "SavedView",
    "Stage",
    "StageMove",
]
