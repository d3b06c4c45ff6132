"""What run_all.py does: plan which chapters are stale, execute them, verify and report the results."""
