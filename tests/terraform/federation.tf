# Whom the account trusts from outside, and what machines and services act as.

variable "saml_metadata" {
  type = string
}

resource "aws_iam_openid_connect_provider" "git" {
  url             = "https://token.example.com/tenant"
  client_id_list  = var.changed ? ["sts.amazonaws.com", "another"] : ["sts.amazonaws.com"]
  thumbprint_list = [var.changed ? "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" : "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
  tags            = { Team = local.suffix }
}

resource "aws_iam_saml_provider" "directory" {
  name                   = "directory"
  saml_metadata_document = var.saml_metadata
  tags                   = { Team = local.suffix }
}

data "aws_iam_policy_document" "federated" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.git.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "token.example.com/tenant:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "federated" {
  name               = "federated"
  assume_role_policy = data.aws_iam_policy_document.federated.json
}

resource "aws_iam_instance_profile" "reader" {
  name = "reader"
  path = "/service/"
  role = var.changed ? aws_iam_role.federated.name : aws_iam_role.reader.name
  tags = { Team = local.suffix }
}

resource "aws_iam_service_linked_role" "autoscaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "ours"
  description      = "Scales, ${local.suffix}"
}

data "aws_iam_openid_connect_provider" "git" {
  url = "https://${aws_iam_openid_connect_provider.git.url}"
}

data "aws_iam_saml_provider" "directory" {
  arn = aws_iam_saml_provider.directory.arn
}

data "aws_iam_instance_profile" "reader" {
  name = aws_iam_instance_profile.reader.name
}
