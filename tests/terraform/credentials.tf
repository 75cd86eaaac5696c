# What the account is called, and what its users sign in and sign with.

variable "ssh_public_key" {
  type = string
}

variable "certificate" {
  type = string
}

variable "private_key" {
  type      = string
  sensitive = true
}

variable "signing_certificate" {
  type = string
}

resource "aws_iam_account_alias" "ours" {
  account_alias = "locum-terraform"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = var.changed ? 20 : 16
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = var.changed ? 90 : 365
  password_reuse_prevention      = 5
}

resource "aws_iam_user_login_profile" "alice" {
  user                    = aws_iam_user.alice.name
  password_length         = 24
  password_reset_required = true
  depends_on              = [aws_iam_account_password_policy.strict]
}

resource "aws_iam_user_ssh_key" "alice" {
  username   = aws_iam_user.alice.name
  encoding   = "SSH"
  public_key = var.ssh_public_key
  status     = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_server_certificate" "site" {
  name             = "site"
  path             = var.changed ? "/cloudfront/changed/" : "/cloudfront/"
  certificate_body = var.certificate
  private_key      = var.private_key
  tags             = { Team = local.suffix }
}

resource "aws_iam_signing_certificate" "alice" {
  user_name        = aws_iam_user.alice.name
  certificate_body = var.signing_certificate
  status           = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_service_specific_credential" "alice" {
  service_name = "codecommit.amazonaws.com"
  user_name    = aws_iam_user.alice.name
  status       = var.changed ? "Inactive" : "Active"
}

data "aws_iam_account_alias" "current" {
  depends_on = [aws_iam_account_alias.ours]
}

data "aws_iam_server_certificate" "site" {
  name = aws_iam_server_certificate.site.name
}

data "aws_iam_user_ssh_key" "alice" {
  username          = aws_iam_user.alice.name
  encoding          = "SSH"
  ssh_public_key_id = aws_iam_user_ssh_key.alice.ssh_public_key_id
}

output "alias" {
  value = data.aws_iam_account_alias.current.account_alias
}
