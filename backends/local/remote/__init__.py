"""Models that another server runs, as stages of the local backend: any server that speaks OpenAI's interface.

Owns the addresses of such models, what is sent to them and what their replies and faults mean. Refuses to contact any other host than the
one that the address names. The `openai` package is imported when a model is opened, never when a module is imported.
"""
