"""The console's pages on what keeps work safe."""

from operations.admin import approvals, jobs, storefronts, switches, tasks, trail

__all__ = ["approvals", "jobs", "storefronts", "switches", "tasks", "trail"]
