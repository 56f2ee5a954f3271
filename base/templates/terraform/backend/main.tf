# Where the state of the other configuration is kept, so that several people can work on it. Apply this one first.
terraform {
  required_version = ">= 1.3.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 4.56"
    }
  }
}

variable "region" {
  description = "The region of Amazon's that the state is kept in"
  type        = string
  nullable    = false
}

provider "aws" {
  profile = "nixos-in-production"
  region  = var.region
}

resource "aws_s3_bucket" "state" {
  bucket_prefix = "nixos-in-production"
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

# One change at a time.
resource "aws_dynamodb_table" "lock" {
  name         = "terraform-state"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"

  attribute {
    name = "LockID"
    type = "S"
  }
}

data "aws_caller_identity" "current" {}

resource "aws_iam_user_policy" "state" {
  name = "terraform-state"
  user = element(split("/", data.aws_caller_identity.current.arn), 1)

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
        Resource = [aws_dynamodb_table.lock.arn]
      }
    ]
  })
}

output "bucket" {
  value = aws_s3_bucket.state.bucket
}
