"""Feature families beside the hyper-image, one file each, as `earshot.features.families` says."""
