"""Foreign sources made into deliveries, one module a source: the only packages that know their formats."""
