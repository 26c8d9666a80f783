"""A demonstration: a bounded stream of real questions, faults that come and are healed on a script, and pages that say so."""
