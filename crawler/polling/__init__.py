"""Asking: what is due (`schedule`), by whom (`spider`), one round (`rounds`, `poller`), for ever (`watch`), the past (`backfill`)."""
