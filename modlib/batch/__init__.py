"""What knows the checkout: tables, their keys and statistics, and the plan of the batch."""

from modlib import require_extra

require_extra(
    "batch",
    "IPython",
    "filelock",
    "ipykernel",
    "jupyter_cache",
    "jupyter_client",
    "pandera",
    "papermill",
    "pydantic",
    "rocrate",
    "safetensors",
    "yaml",
)
