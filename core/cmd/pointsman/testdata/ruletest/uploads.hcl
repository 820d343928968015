variable "limit" {
  description = "Images from this size on are told, in MiB."
  default     = 10
}

source "s3" "uploads" {
  tokens = [env("S3_HOOK_TOKEN")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "big-image" {
  on = ["uploads"]
  when = (
    event.type == "s3.object.created"
    && startswith(event.data.object.key, "img/")
    && event.data.object.size >= var.limit * mb
  )

  dispatch "ops" {
    text     = "${event.data.object.key} has ${floor(event.data.object.size / mb)} MiB"
    order_by = event.subject
  }
}

rule "removed" {
  on   = ["uploads"]
  when = event.type == "s3.object.removed"

  dispatch "ops" {
    text = "${event.data.object.key} is gone"
  }
}
