"""What is out of date and why, and what a run would do about it. Pure: no effects, no clock of its own."""

from .keys import StaticKey, static_key, step_key
from .plan import Plan, PlannedStep, StepAction, kept_from_running, make_plan, without
from .survey import Facts, Survey, still_holds, take_survey
from .why import Cause, root_causes

__all__ = [
    "Cause",
    "Facts",
    "Plan",
    "PlannedStep",
    "StaticKey",
    "StepAction",
    "Survey",
    "kept_from_running",
    "make_plan",
    "root_causes",
    "static_key",
    "step_key",
    "still_holds",
    "take_survey",
    "without",
]
