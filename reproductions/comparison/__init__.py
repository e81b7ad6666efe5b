"""What every paper's table is made with: folds, networks, controls, paired intervals, claims, the page."""
