"""Ensembles: forecasts of the test clips, and the file that holds them."""
