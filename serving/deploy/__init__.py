"""Deploys Raglass's stack to AWS, changes it, looks at it and removes it.

One name gives up to four CloudFormation stacks, the parts of `templates`. Every step can be repeated: what is there already is
left as it is, so that a deployment that was interrupted is finished by the next. Nothing here prints: whoever deploys is told
through a callback, and errors are those of `pipeline.errors`.
"""
