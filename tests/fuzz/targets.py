"""What is tried: everything of the product that reads what a person, a file, an application or a stack sends."""

from tests.fuzz.asked import EXPRESSION, QUESTION_BOX, QUESTION_EMBEDDED
from tests.fuzz.files import DATASETS, DEPLOY_FILE, DOCUMENTS, ENDPOINTS_FILE, SETTINGS
from tests.fuzz.sent import HTTP_REPLIES, OTLP_JSON, OTLP_PROTOBUF, TRACES, WIRE_REPLIES, WIRE_REQUESTS
from tests.fuzz.trying import Target

TARGETS: dict[str, Target] = {
    "question": QUESTION_BOX,
    "embedded": QUESTION_EMBEDDED,
    "documents": DOCUMENTS,
    "datasets": DATASETS,
    "requests": WIRE_REQUESTS,
    "replies": WIRE_REPLIES,
    "traces": TRACES,
    "protobuf": OTLP_PROTOBUF,
    "json": OTLP_JSON,
    "expression": EXPRESSION,
    "settings": SETTINGS,
    "deploy": DEPLOY_FILE,
    "endpoints": ENDPOINTS_FILE,
    "http": HTTP_REPLIES,
}
"""By the word that picks one, in the table's order."""
