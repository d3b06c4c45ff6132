"""What can be computed as a stored run beside a Training: each module has a frozen config with compute()."""
