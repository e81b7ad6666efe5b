"""Sample-level networks on music, words and scenes (Lee et al. 2017; Kim et al. 2018; Kim et al. 2019)."""
