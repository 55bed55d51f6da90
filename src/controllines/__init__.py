"""What does this piece of land do to the three control lines (三条控制线), and how much of each lies where?"""

from __future__ import annotations

__version__ = "0.1.0"
