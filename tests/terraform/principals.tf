# Users, groups, roles, and what they may do.

locals {
  suffix = var.changed ? "changed" : "first"
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.alice.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["of-alice"]
    }
  }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  version = "2012-10-17"
  statement {
    sid       = "Read"
    actions   = var.changed ? ["s3:GetObject", "s3:ListBucket"] : ["s3:GetObject"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/$${aws:username}/*"]
  }
  statement {
    effect        = "Deny"
    not_actions   = ["s3:*"]
    not_resources = ["arn:aws:s3:::data/*"]
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

data "aws_iam_policy_document" "inline" {
  source_policy_documents = [data.aws_iam_policy_document.read.json]
  statement {
    sid       = "List"
    actions   = ["s3:ListAllMyBuckets"]
    resources = ["*"]
  }
}

resource "aws_iam_user" "alice" {
  name                 = "alice"
  path                 = var.changed ? "/staff/changed/" : "/staff/"
  permissions_boundary = aws_iam_policy.boundary.arn
  force_destroy        = true
  tags                 = { Team = local.suffix }
}

resource "aws_iam_user" "bob" {
  name                 = var.changed ? "Bobby" : "Bob"
  permissions_boundary = var.changed ? aws_iam_policy.boundary.arn : null
}

# By the session of the role that asks for an external id.
resource "aws_iam_user" "carol" {
  provider = aws.assumed
  name     = "carol"
}

resource "aws_iam_access_key" "alice" {
  user   = aws_iam_user.alice.name
  status = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_group" "staff" {
  name = "staff"
  path = var.changed ? "/teams/changed/" : "/teams/"
}

resource "aws_iam_group" "renamed" {
  name = var.changed ? "Named" : "unnamed"
}

resource "aws_iam_group" "readers" {
  name = "readers"
}

resource "aws_iam_group_membership" "staff" {
  name  = "staff"
  group = aws_iam_group.staff.name
  users = var.changed ? [aws_iam_user.alice.name] : [aws_iam_user.alice.name, aws_iam_user.carol.name]
}

resource "aws_iam_user_group_membership" "carol" {
  user   = aws_iam_user.carol.name
  groups = [aws_iam_group.readers.name]
}

resource "aws_iam_role" "reader" {
  name                  = "reader"
  path                  = "/service/"
  description           = "Reads, ${local.suffix}"
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  max_session_duration  = var.changed ? 7200 : 3600
  permissions_boundary  = var.changed ? null : aws_iam_policy.boundary.arn
  force_detach_policies = true
  tags                  = { Team = local.suffix, "cost:center" = "42" }
}

resource "aws_iam_policy" "read" {
  name        = "read"
  path        = "/data/"
  description = "Reads what is one's own"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { Team = local.suffix }
}

resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}

resource "aws_iam_user_policy" "alice" {
  name   = "inline"
  user   = aws_iam_user.alice.name
  policy = data.aws_iam_policy_document.inline.json
}

resource "aws_iam_group_policy" "staff" {
  name   = "inline"
  group  = aws_iam_group.staff.name
  policy = data.aws_iam_policy_document.inline.json
}

resource "aws_iam_role_policy" "reader" {
  name   = "inline"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.inline.json
}

resource "aws_iam_user_policy_attachment" "alice" {
  user       = aws_iam_user.alice.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group_policy_attachment" "staff" {
  group      = aws_iam_group.staff.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policies_exclusive" "reader" {
  role_name    = aws_iam_role.reader.name
  policy_names = [aws_iam_role_policy.reader.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "reader" {
  role_name   = aws_iam_role.reader.name
  policy_arns = [aws_iam_role_policy_attachment.reader.policy_arn]
}

resource "aws_iam_virtual_mfa_device" "phone" {
  virtual_mfa_device_name = "phone"
  path                    = "/devices/"
  tags                    = { Team = local.suffix }
}

# What others look up.

data "aws_iam_user" "alice" {
  user_name = aws_iam_user.alice.name
}

data "aws_iam_group" "staff" {
  group_name = aws_iam_group_membership.staff.group
}

data "aws_iam_role" "reader" {
  name = aws_iam_role.reader.name
}

data "aws_iam_policy" "read" {
  arn = aws_iam_policy.read.arn
}

data "aws_iam_policy" "by_name" {
  name       = "read"
  depends_on = [aws_iam_policy.read]
}

data "aws_iam_users" "staff" {
  path_prefix = aws_iam_user.alice.path
}

data "aws_iam_roles" "service" {
  path_prefix = aws_iam_role.reader.path
}

data "aws_iam_access_keys" "alice" {
  user = aws_iam_access_key.alice.user
}

data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.assumed.arn
}

data "aws_iam_principal_policy_simulation" "alice" {
  action_names      = ["s3:ListAllMyBuckets"]
  policy_source_arn = aws_iam_user.alice.arn
  depends_on        = [aws_iam_user_policy.alice]
}

output "looked_up" {
  value = {
    user       = data.aws_iam_user.alice.user_id == aws_iam_user.alice.unique_id
    boundary   = data.aws_iam_user.alice.permissions_boundary == aws_iam_policy.boundary.arn
    members    = length(data.aws_iam_group.staff.users) == length(aws_iam_group_membership.staff.users)
    role       = data.aws_iam_role.reader.unique_id == aws_iam_role.reader.unique_id
    trust      = jsondecode(data.aws_iam_role.reader.assume_role_policy) == jsondecode(data.aws_iam_policy_document.trust.json)
    policy     = data.aws_iam_policy.by_name.arn == data.aws_iam_policy.read.arn
    users      = contains(data.aws_iam_users.staff.names, "alice")
    roles      = data.aws_iam_roles.service.names == toset(["reader"])
    keys       = length(data.aws_iam_access_keys.alice.access_keys) == 1
    issuer     = data.aws_iam_session_context.current.issuer_arn == var.role_arn
    simulation = data.aws_iam_principal_policy_simulation.alice.all_allowed
  }
}
