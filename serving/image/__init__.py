"""The image tried out: built by whatever builds images here, run as it is meant to be run, asked, told to end.

An `Engine` builds and runs; `trial` knows what to look for; neither knows of the other's inside. Nothing here is imported by the product.
"""
