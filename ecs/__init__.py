"""The dashboard on ECS Fargate: `ui.yaml`, the CloudFormation template of its task, service and load balancer."""
