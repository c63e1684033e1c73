"""How Waybill itself is doing: for probes, for scrapers and for the shell."""
