"""Wang, Wang: Improving content-based and hybrid music recommendation using deep learning (ACM MM 2014)."""
