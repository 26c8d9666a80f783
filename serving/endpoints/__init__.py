"""What runs inside the SageMaker containers: one module an endpoint, around the same models as the local backend."""
