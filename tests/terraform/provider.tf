# How this is run tells tests/clients/test_terraform.py. Outside of it: set `endpoint` to a server's URL and
# the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "endpoint" {
  type = string
}

# What a second apply changes in place.
variable "changed" {
  type    = bool
  default = false
}

variable "role_arn" {
  type = string
}

variable "external_id" {
  type      = string
  sensitive = true
}

provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true
  s3_use_path_style       = true
  endpoints {
    iam = var.endpoint
    sts = var.endpoint
    s3  = var.endpoint
  }
  default_tags {
    tags = { ManagedBy = "terraform" }
  }
}

# The same account, entered by a role that asks for an external id.
provider "aws" {
  alias                   = "assumed"
  region                  = "us-east-1"
  skip_metadata_api_check = true
  assume_role {
    role_arn     = var.role_arn
    external_id  = var.external_id
    session_name = "terraform"
    duration     = "15m"
    tags         = { Team = "Desk" }
  }
  endpoints {
    iam = var.endpoint
    sts = var.endpoint
    s3  = var.endpoint
  }
}

data "aws_caller_identity" "current" {}

data "aws_caller_identity" "assumed" {
  provider = aws.assumed
}

output "caller" {
  value = data.aws_caller_identity.current.arn
}

output "assumed" {
  value = data.aws_caller_identity.assumed.arn
}
