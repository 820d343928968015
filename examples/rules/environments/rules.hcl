# The same rules in every environment: a variable says which one it is.

variable "environment" {
  description = "POINTSMAN_VAR_environment: production, staging or test."
  default     = "test"
}

source "intdash" "lab" {
  secrets = [env("INTDASH_SECRET")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

locals {
  channel = var.environment == "production" ? "#ops" : "#ops-${var.environment}"
}

rule "deleted" {
  on   = ["lab"]
  when = event.data.action == "deleted"

  dispatch "ops" {
    channel = local.channel
    text    = "${event.data.resource_type} ${event.data.resource_uuid} was deleted in ${var.environment}"
  }
}

rule "everything" {
  description = "People who try things want to see all of it."
  enabled     = var.environment != "production"

  on   = ["lab"]
  when = event.data.action != "deleted"

  dispatch "ops" {
    channel = local.channel
    text    = event.type
  }
}
