"""Runs over datasets: started, gone on with, summed up, compared, judged and labelled."""
