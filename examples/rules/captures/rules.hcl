# Parts of a key, found by a regular expression, are put into the text.

source "s3" "uploads" {
  tokens = [env("S3_HOOK_TOKEN")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

locals {
  # recordings/2026-11-27/car-3.mcap
  recording = "^recordings/(?P<day>\\d{4}-\\d\\d-\\d\\d)/car-(?P<car>\\d+)\\.mcap$"
}

rule "recording" {
  on   = ["uploads"]
  when = event.type == "s3.object.created" && matches(local.recording, event.data.object.key)

  dispatch "ops" {
    text     = "Car ${regex(local.recording, event.data.object.key).car} was recorded on ${regex(local.recording, event.data.object.key).day}"
    order_by = regex(local.recording, event.data.object.key).car
  }
}
