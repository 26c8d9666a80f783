"""The RAG pipeline itself: types, stage protocols, `Pipeline`, errors and the trace's JSON form.

Standard library only, so that the same code travels in a Lambda zip. It refuses to know any model, index or vendor.
"""
